"""The editor of the experiments file: form, text and problems on one document."""
