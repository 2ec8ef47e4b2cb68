"""The editor of one experiments file: form, text and problems side by side."""
