"""The line of keys at the bottom, made anew only where other keys do something."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer makes all of it anew several times for a key that moves the focus, which other keys wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None
        self._is_due = False

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Look at the keys once all is said that changes them now."""
        self._bindings_ready = True
        if self.app.app_focus and self.is_attached and screen is self.screen and not self._is_due:
            self._is_due = True
            self.call_after_refresh(self._look)

    def fit(self, narrow: bool, compact: bool) -> None:
        """Fit the terminal. narrow: just our keys, without that of the palette. compact: no room between keys."""
        self.compact = compact
        if self.show_command_palette is narrow:
            self.show_command_palette = not narrow
            self.refresh(recompose=True)  # the library would wait for other keys

    async def _look(self) -> None:
        self._is_due = False
        if self._face() != self._shown:
            await self.recompose()

    async def recompose(self) -> None:
        """Make all keys anew."""
        self._shown = self._face()
        await super().recompose()

    def _face(self) -> object:
        """What the line depends on."""
        bindings = self.screen.active_bindings.values()
        keys = [(binding, enabled) for _, binding, enabled, _ in bindings if binding.show]
        return keys, self.show_command_palette, self.compact
