"""Widgets of the experiments editor: form, rows and text. They post what the user enters and own no file."""
