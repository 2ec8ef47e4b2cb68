"""How the footer fits the terminal's width."""

from __future__ import annotations

from textual.widgets import Footer


def fit_footer(footer: Footer, narrow: bool, compact: bool) -> None:
    """narrow: just our keys, without that of the palette. compact: no room between the keys."""
    footer.compact = compact
    if footer.show_command_palette is narrow:
        footer.show_command_palette = not narrow
        footer.refresh(recompose=True)  # the library would wait for other keys
