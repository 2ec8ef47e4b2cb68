"""The parts of the experiments editor: the form's rows, the form, the text. They post what was typed and own no file."""
