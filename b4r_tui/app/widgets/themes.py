"""The app's themes as data: dark, light, high contrast, and two for the colour-blind."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import Theme

from b4r_tui.app.widgets.palette import COLOUR_BLIND, COLOUR_BLIND_LIGHT, CONTRAST, DARK, LIGHT

DARK_THEME = Theme(
    name="b4r-dark",
    primary="#56c2e6",
    secondary="#8fa3d9",
    accent="#f0a35e",
    foreground="#d3d9e6",
    background="#12151c",
    surface="#171b24",
    panel="#202634",
    success=DARK.finished,
    warning=DARK.stopped,
    error=DARK.failed,
    variables={
        "border": "#56c2e6",
        "border-blurred": "#343c4f",
        "block-cursor-background": "#1b3a4e",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#222936",
        "block-cursor-blurred-foreground": "#d3d9e6",
        "button-focus-text-style": "bold underline",
        "footer-key-foreground": "#f0a35e",
        "footer-background": "#1b202b",
    },
)
LIGHT_THEME = Theme(
    name="b4r-light",
    primary="#00678f",
    secondary="#44589c",
    accent=LIGHT.second,
    foreground="#1c2230",
    background="#eef0f4",
    surface="#f8f9fb",
    panel="#e4e8ef",
    success=LIGHT.finished,
    warning=LIGHT.stopped,
    error=LIGHT.failed,
    dark=False,
    variables={
        "border": "#00678f",
        "border-blurred": "#bcc3d1",
        "block-cursor-background": "#cbe4f0",
        "block-cursor-foreground": "#0c1220",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e3e8f0",
        "block-cursor-blurred-foreground": "#1c2230",
        "button-focus-text-style": "bold underline",
        "footer-key-foreground": LIGHT.second,
        "footer-background": "#e4e8ef",
    },
)
CONTRAST_THEME = Theme(
    name="b4r-high-contrast",
    primary="#5fd7ff",
    secondary="#b0b0ff",
    accent="#ffc04d",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    success=CONTRAST.finished,
    warning=CONTRAST.stopped,
    error=CONTRAST.failed,
    text_alpha=1.0,
    variables={
        "text-muted": "#d0d0d0",
        "border": "#ffff00",
        "border-blurred": "#a8a8a8",
        "block-cursor-background": "#00305e",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#2b2b2b",
        "block-cursor-blurred-foreground": "#ffffff",
        "button-focus-text-style": "bold underline",
        "footer-key-foreground": "#ffff00",
        "footer-background": "#1c1c1c",
    },
)
COLOUR_BLIND_THEME = replace(
    DARK_THEME,
    name="b4r-colour-blind",
    primary=COLOUR_BLIND.running,
    accent=COLOUR_BLIND.second,
    success=COLOUR_BLIND.finished,
    warning=COLOUR_BLIND.stopped,
    error=COLOUR_BLIND.failed,
    variables=DARK_THEME.variables
    | {"border": COLOUR_BLIND.running, "footer-key-foreground": COLOUR_BLIND.second},
)
COLOUR_BLIND_LIGHT_THEME = replace(
    LIGHT_THEME,
    name="b4r-colour-blind-light",
    primary=COLOUR_BLIND_LIGHT.running,
    accent=COLOUR_BLIND_LIGHT.second,
    success=COLOUR_BLIND_LIGHT.finished,
    warning=COLOUR_BLIND_LIGHT.stopped,
    error=COLOUR_BLIND_LIGHT.failed,
    variables=LIGHT_THEME.variables
    | {"border": COLOUR_BLIND_LIGHT.running, "footer-key-foreground": COLOUR_BLIND_LIGHT.second},
)
THEMES = (DARK_THEME, LIGHT_THEME, CONTRAST_THEME, COLOUR_BLIND_THEME, COLOUR_BLIND_LIGHT_THEME)
