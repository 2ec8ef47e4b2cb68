"""The command palette: every key of every screen by name, runs to open, experiments to edit, themes, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.actions import parse
from textual.binding import ActiveBinding, Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.markup import escape
from textual.screen import Screen
from textual.widget import Widget

from b4r_tui.app.notifications import DESKTOP, LOUDNESS
from b4r_tui.app.screens.help import spelled

if TYPE_CHECKING:
    from b4r_tui.app.app import B4RApp

FUZZY = 500  # the newest runs; of older ones the words typed have to stand in the name
BREATH = 100  # commands between two pauses for keys
LOUD = {
    "bell": "When a run ends: message and bell",
    "toast": "When a run ends: message, no bell",
    "off": "When a run ends: nothing (mute)",
}
DESKTOPS = {
    "off": "Desktop notification: off",
    "osc9": "Desktop notification: OSC 9 (iTerm2, kitty, WezTerm)",
    "osc777": "Desktop notification: OSC 777 (foot, Ghostty, urxvt)",
}
UNTOLD = ("screen.copy_text", "command_palette", "app.command_palette")
PARTS = {
    "RunTable": "Table of runs",
    "LogTab": "Log",
    "LogLines": "Log",
    "CurvesTab": "Curves",
    "ConfigTab": "Config",
    "SettingRow": "Setting",
}  # widgets with keys of their own that do something, and how they are called


@dataclass(frozen=True)
class Command:
    """A line of the palette. about: below it."""

    name: str
    about: str
    run: Callable[[], Any]


class Commands(Provider):
    """What the app can do, from where the palette was opened."""

    @property
    def b4r(self) -> B4RApp:
        """The app."""
        return cast("B4RApp", self.app)

    async def discover(self) -> Hits:
        """Before anything is typed: what works here, then the settings."""
        for command in (*here(self.b4r, self.screen), *settings(self.b4r), *elsewhere(self.b4r, self.screen)):
            yield DiscoveryHit(Content(command.name), command.run, command.name, escape(command.about))

    async def search(self, query: str) -> Hits:
        """Everything that fits what is typed, in any order of its letters."""
        matcher = self.matcher(query)
        words = query.casefold().split()
        for place, command in enumerate(self._all()):
            if place % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            score = matcher.match(command.name)
            if score > 0:
                yield Hit(score, matcher.highlight(command.name), command.run, help=escape(command.about))
        for command in runs(self.b4r, FUZZY, None):
            if all(word in command.name.casefold() for word in words):
                yield Hit(0.5, matcher.highlight(command.name), command.run, help=escape(command.about))

    def _all(self) -> Iterator[Command]:
        app = self.b4r
        yield from here(app, self.screen)
        yield from settings(app)
        yield from experiments(app)
        yield from runs(app, 0, FUZZY)
        yield from elsewhere(app, self.screen)
        for system in app.get_system_commands(self.screen):
            if system.title not in ("Quit", "Theme"):  # are offered by us
                yield Command(system.title, system.help, system.callback)


def here(app: B4RApp, screen: Screen[Any]) -> Iterator[Command]:
    """What keys do on the screen that the palette is above, with the keys."""
    told: set[str] = set()
    for node, binding in (*bound(screen), *bound_in_parts(screen)):
        part = PARTS.get(type(node).__name__)
        name = f"{part}: {binding.description}" if part else binding.description
        if name not in told:
            told.add(name)
            about = f"{binding.tooltip or binding.description}  ({key_of(binding)})"
            yield Command(name, about, partial(app.run_action, binding.action, node))


def bound(screen: Screen[Any]) -> Iterator[tuple[DOMNode, Binding]]:
    """What keys do now: on the screen, and in the part of it that has the focus."""
    for active in screen.active_bindings.values():
        ours = not isinstance(active.node, Widget) or isinstance(active.node, Screen)
        if is_told(active.binding) and active.enabled and (ours or is_told_of_part(active)):
            yield active.node, replace(active.binding, tooltip=active.tooltip)


def bound_in_parts(screen: Screen[Any]) -> Iterator[tuple[DOMNode, Binding]]:
    """What keys would do in the parts that are in sight, were the focus there."""
    for kind in PARTS:
        parts = [
            part for part in screen.query(kind) if all(node.display for node in part.ancestors_with_self)
        ]
        if len(parts) != 1:
            continue  # of many rows just the one with the focus is meant
        for binding in Binding.make_bindings(type(parts[0]).BINDINGS):
            _, action, parameters = parse(binding.action)
            if is_told(binding) and binding.tooltip and parts[0].check_action(action, parameters):
                yield parts[0], binding


def elsewhere(app: B4RApp, screen: Screen[Any]) -> Iterator[Command]:
    """What keys do on the other screens; the command goes there first."""
    told = {active.binding.description for active in screen.active_bindings.values()}
    for title, kind in screens().items():
        if isinstance(screen, kind):
            continue
        for binding in Binding.make_bindings(kind.BINDINGS):
            name = f"{title}: {binding.description}"
            if is_told(binding) and binding.action not in ("leave", "dismiss") and name not in told:
                told.add(name)
                about = f"{binding.tooltip or binding.description}  ({key_of(binding)} there)"
                yield Command(name, about, partial(app.act_on, kind, binding.action))


def experiments(app: B4RApp) -> Iterator[Command]:
    """Each experiment, to edit."""
    for option in app.main.query_one("ExperimentList").options:  # type: ignore[attr-defined]
        yield Command(
            f"Edit experiment {option.id}", f"In {app.file}", partial(app.edit_experiment, option.id)
        )


def runs(app: B4RApp, first: int, end: int | None) -> Iterator[Command]:
    """Each run, newest first, to open."""
    for view in app.main.views()[first:end]:
        name = f"Open run {view.run.experiment} {view.run.run_id}"
        yield Command(name, f"{view.state.value}, {view.run.dir}", partial(app.open_run, view))


def settings(app: B4RApp) -> Iterator[Command]:
    """Themes, notifications, layout, the tour."""
    for theme in sorted(app.available_themes, key=lambda name: (not name.startswith("b4r-"), name)):
        about = "The one in use" if theme == app.theme else "Use these colours from now on"
        yield Command(f"Theme: {theme}", about, partial(setattr, app, "theme", theme))
    for value in LOUDNESS:
        yield Command(LOUD[value], "Remembered", partial(app.remember, "notify", value))
    for value in DESKTOP:
        yield Command(
            DESKTOPS[value],
            "What the terminal shows outside of itself",
            partial(app.remember, "desktop", value),
        )
    yield Command("Layout: as it came", "Give all panes their first sizes again", app.action_reset_layout)
    yield Command("Tour", "Show the first steps again", app.action_tour)


def screens() -> dict[str, type[Screen[Any]]]:
    """The screens with keys of their own."""
    from b4r_tui.app.screens.compare.screen import CompareScreen
    from b4r_tui.app.screens.editor.screen import EditorScreen
    from b4r_tui.app.screens.leaderboard import LeaderboardScreen
    from b4r_tui.app.screens.main.screen import MainScreen

    return {
        "Runs": MainScreen,
        "Editor": EditorScreen,
        "Compare": CompareScreen,
        "Leaderboard": LeaderboardScreen,
    }


def key_of(binding: Binding) -> str:
    """The key, as people write it."""
    return binding.key_display or spelled(binding.key)


def is_told(binding: Binding) -> bool:
    """Whether it is something to do, unlike moving about or opening this palette."""
    named = bool(binding.description) and not binding.system
    return named and not binding.action.startswith("app.focus") and binding.action not in UNTOLD


def is_told_of_part(active: ActiveBinding) -> bool:
    """Whether a widget's key is one of ours, unlike the cursor keys of a table."""
    return type(active.node).__name__ in PARTS and bool(active.tooltip)
