"""Syntax colours of TOML in text areas, on the background of the app's theme."""

from __future__ import annotations

from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme


def add_clear_themes(area: TextArea) -> None:
    """Register themes that colour the text and leave the background to the app."""
    for name in ("vscode_dark", "github_light"):
        theme = TextAreaTheme.get_builtin_theme(name)
        assert theme is not None
        area.register_theme(TextAreaTheme(f"{name}-clear", syntax_styles=theme.syntax_styles))


def use_clear_theme(area: TextArea, dark: bool) -> None:
    """Use the syntax colours that fit a dark or light theme of the app."""
    area.theme = "vscode_dark-clear" if dark else "github_light-clear"
