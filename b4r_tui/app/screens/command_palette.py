"""The command palette: every key of every screen by name, runs to open, experiments to edit, themes, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from textual.actions import parse
from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.markup import escape
from textual.screen import Screen
from textual.widget import Widget

from b4r_tui.app.notifications import LEVELS, PROTOCOLS
from b4r_tui.app.screens.compare.screen import CompareScreen
from b4r_tui.app.screens.editor.screen import EditorScreen
from b4r_tui.app.screens.help import spelled
from b4r_tui.app.screens.leaderboard import LeaderboardScreen
from b4r_tui.app.screens.main.screen import MainScreen
from b4r_tui.app.services import PaletteServices

MAX_FUZZY = 500  # the newest runs; names of older ones must contain the words typed
PAUSE_EVERY = 100  # entries, so that keys are handled in between
LEVEL_NAMES = {
    "bell": "When a run ends: message and bell",
    "toast": "When a run ends: message, no bell",
    "off": "When a run ends: nothing (mute)",
}
PROTOCOL_NAMES = {
    "off": "Desktop notification: off",
    "osc9": "Desktop notification: OSC 9 (iTerm2, kitty, WezTerm)",
    "osc777": "Desktop notification: OSC 777 (foot, Ghostty, urxvt)",
}
SCREENS: dict[str, type[Screen[Any]]] = {
    "Runs": MainScreen,
    "Editor": EditorScreen,
    "Compare": CompareScreen,
    "Leaderboard": LeaderboardScreen,
}
LEFT_OUT = ("screen.copy_text", "command_palette", "app.command_palette")
PARTS = {
    "RunTable": "Table of runs",
    "LogTab": "Log",
    "LogLines": "Log",
    "CurvesTab": "Curves",
    "ConfigTab": "Config",
    "SettingRow": "Setting",
}  # names of the widgets with keys of their own, by class name since most are imported when first shown


@dataclass(frozen=True)
class Entry:
    """A line of the palette. help: the text below it."""

    name: str
    help: str
    run: Callable[[], Any]


class AppCommands(Provider):
    """Offers what the app can do, seen from the screen that the palette was opened on."""

    @property
    def services(self) -> PaletteServices:
        """What the app does for the palette."""
        return cast(PaletteServices, self.app)

    async def discover(self) -> Hits:
        """Before anything is typed: the keys of this screen, the settings, the keys of other screens."""
        for entry in (
            *keys_here(self.screen),
            *settings(self.app),
            *keys_elsewhere(self.services, self.screen),
        ):
            yield DiscoveryHit(Content(entry.name), entry.run, entry.name, escape(entry.help))

    async def search(self, query: str) -> Hits:
        """Every entry that matches what is typed."""
        matcher = self.matcher(query)
        words = query.casefold().split()
        for place, entry in enumerate(self._all()):
            if place % PAUSE_EVERY == PAUSE_EVERY - 1:
                await asyncio.sleep(0)
            score = matcher.match(entry.name)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.name), entry.run, help=escape(entry.help))
        for entry in runs(self.services, MAX_FUZZY, None):
            if all(word in entry.name.casefold() for word in words):
                yield Hit(0.5, matcher.highlight(entry.name), entry.run, help=escape(entry.help))

    def _all(self) -> Iterator[Entry]:
        yield from keys_here(self.screen)
        yield from settings(self.app)
        yield from experiments(self.services)
        yield from runs(self.services, 0, MAX_FUZZY)
        yield from keys_elsewhere(self.services, self.screen)
        for system in self.app.get_system_commands(self.screen):
            if system.title not in ("Quit", "Theme"):  # the app has its own
                yield Entry(system.title, system.help, system.callback)


def keys_here(screen: Screen[Any]) -> Iterator[Entry]:
    """Yield what keys do on the screen below the palette."""
    names: set[str] = set()
    for node, binding in (*bound(screen), *bound_in_parts(screen)):
        part = PARTS.get(type(node).__name__)
        name = f"{part}: {binding.description}" if part else binding.description
        if name not in names:
            names.add(name)
            text = f"{binding.tooltip or binding.description}  ({key_of(binding)})"
            yield Entry(name, text, partial(screen.app.run_action, binding.action, node))


def bound(screen: Screen[Any]) -> Iterator[tuple[DOMNode, Binding]]:
    """Yield the keys in force: those of the screen, and of the part of it that has the focus."""
    for active in screen.active_bindings.values():
        ours = not isinstance(active.node, Widget) or isinstance(active.node, Screen)
        if is_offered(active.binding) and active.enabled and (ours or is_offered_of_part(active)):
            yield active.node, replace(active.binding, tooltip=active.tooltip)


def bound_in_parts(screen: Screen[Any]) -> Iterator[tuple[DOMNode, Binding]]:
    """Yield the keys of the visible parts that do not have the focus."""
    for kind in PARTS:
        parts = [
            part for part in screen.query(kind) if all(node.display for node in part.ancestors_with_self)
        ]
        if len(parts) != 1:
            continue  # of several rows only the one with the focus is meant
        for binding in Binding.make_bindings(type(parts[0]).BINDINGS):
            _, action, parameters = parse(binding.action)
            if is_offered(binding) and binding.tooltip and parts[0].check_action(action, parameters):
                yield parts[0], binding


def keys_elsewhere(services: PaletteServices, screen: Screen[Any]) -> Iterator[Entry]:
    """Yield what keys do on the other screens; the entry goes there first."""
    names = {active.binding.description for active in screen.active_bindings.values()}
    for title, kind in SCREENS.items():
        if isinstance(screen, kind):
            continue
        for binding in Binding.make_bindings(kind.BINDINGS):
            name = f"{title}: {binding.description}"
            if is_offered(binding) and binding.action not in ("leave", "dismiss") and name not in names:
                names.add(name)
                text = f"{binding.tooltip or binding.description}  ({key_of(binding)} there)"
                yield Entry(name, text, partial(services.act_on, kind, binding.action))


def experiments(services: PaletteServices) -> Iterator[Entry]:
    """Yield the experiments to edit."""
    for name in services.experiment_names():
        yield Entry(f"Edit experiment {name}", f"In {services.file}", partial(services.edit_experiment, name))


def runs(services: PaletteServices, first: int, end: int | None) -> Iterator[Entry]:
    """Yield the runs to open, newest first."""
    for view in services.views()[first:end]:
        name = f"Open run {view.run.experiment} {view.run.run_id}"
        yield Entry(name, f"{view.state.value}, {view.run.dir}", partial(services.open_run, view))


def settings(app: App[Any]) -> Iterator[Entry]:
    """Yield themes, notifications, layout and the tour."""
    services = cast(PaletteServices, app)
    for theme in sorted(app.available_themes, key=lambda name: (not name.startswith("b4r-"), name)):
        text = "Current theme" if theme == app.theme else "Switch to this theme"
        yield Entry(f"Theme: {theme}", text, partial(setattr, app, "theme", theme))
    for value in LEVELS:
        yield Entry(LEVEL_NAMES[value], "Remembered", partial(services.remember, "notify", value))
    for value in PROTOCOLS:
        text = "Desktop notification protocol"
        yield Entry(PROTOCOL_NAMES[value], text, partial(services.remember, "desktop", value))
    yield Entry("Layout: reset", "Reset the sizes of all panes", services.action_reset_layout)
    yield Entry("Tour", "Show the tour again", services.action_tour)


def key_of(binding: Binding) -> str:
    """Return the key as it is written on screens."""
    return binding.key_display or spelled(binding.key)


def is_offered(binding: Binding) -> bool:
    """Return whether a key does something, unlike one that moves the focus or opens the palette."""
    named = bool(binding.description) and not binding.system
    return named and not binding.action.startswith("app.focus") and binding.action not in LEFT_OUT


def is_offered_of_part(active: ActiveBinding) -> bool:
    """Return whether the key of a widget is one of ours, unlike the cursor keys of a table."""
    return type(active.node).__name__ in PARTS and bool(active.tooltip)
