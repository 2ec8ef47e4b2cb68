"""The parts of the experiments editor: rows, form, text.

They post what was typed and own no file.
"""
