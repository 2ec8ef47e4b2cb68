"""What a person does again and again: mark runs, open a screen, find something in the command palette."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.command import CommandInput, CommandList, CommandPalette
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import DataTable
from textual.widgets._toast import Toast

from b4r_tui.app.app import B4RApp
from b4r_tui.app.widgets.runs.rows import RunRows
from tests.b4r_tui.app.conftest import until


def app_of(pilot: Pilot[None]) -> B4RApp:
    return cast("B4RApp", pilot.app)


def rows(pilot: Pilot[None], table: str) -> list[list[str]]:
    """The cells of a table on the topmost screen."""
    found = pilot.app.screen.query_one(table, DataTable)
    return [[str(cell).strip() for cell in found.get_row_at(row)] for row in range(found.row_count)]


def said(pilot: Pilot[None], selector: str) -> str:
    """The text of a label."""
    return str(pilot.app.screen.query_one(selector).render())


def toasts(pilot: Pilot[None]) -> list[str]:
    """The texts of the messages in the corner."""
    return [str(toast._notification.message) for toast in pilot.app.screen.query(Toast)]


async def all_runs_shown(pilot: Pilot[None], runs: int) -> None:
    """The table of runs with those of every experiment, the cursor on the newest."""
    app = app_of(pilot)
    await until(pilot, lambda: len(app.main.views()) == runs)
    await pilot.press("a")
    await until(pilot, lambda: app.screen.query_one(RunRows).row_count == runs)
    app.screen.query_one(RunRows).focus()


async def mark(pilot: Pilot[None], run_ids: Sequence[str]) -> None:
    """Mark runs in the table as a person does: go there, press x."""
    app = app_of(pilot)
    for view in app.main.views():
        if view.run.run_id in run_ids:
            app.main.table.select(view.key)
            await pilot.pause()
            await pilot.press("x")
    await until(pilot, lambda: len(app.main.table.marked) == len(run_ids))


async def typed_in_palette(pilot: Pilot[None], words: str) -> list[str]:
    """Open the palette, type, and read the names of what is offered, the best first."""
    if not isinstance(pilot.app.screen, CommandPalette):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(pilot.app.focused, CommandInput))
    palette = pilot.app.screen
    if words:
        palette.query_one(CommandInput).value = words
    await pilot.pause()
    await until(pilot, lambda: not [each for each in pilot.app.workers if each.node is palette])
    return offered(pilot)


def offered(pilot: Pilot[None]) -> list[str]:
    """The names in the open palette."""
    options = pilot.app.screen.query_one(CommandList).options
    return [str(option.prompt).partition("\n")[0] for option in options if not option.disabled]


async def choose_in_palette(pilot: Pilot[None], name: str) -> None:
    """Type a command's name and take the one that is called just so."""
    names = await typed_in_palette(pilot, name)
    assert name in names, f"{name} is not offered, but {names}"
    commands = pilot.app.screen.query_one(CommandList)
    commands.highlighted = names.index(name)
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(pilot.app.screen, CommandPalette))


def spy_on(rows: RunRows) -> list[tuple[str, str]]:
    """The cells of the table of runs that are drawn from now on, by the end of the row's key and by column.

    A whole row or more is of the column "all".
    """
    drawn: list[tuple[str, str]] = []
    refresh = rows.refresh

    def spy(*regions: Region, **how: bool) -> RunRows:
        for region in regions or (Region(0, 0, *rows.size),):
            row, column = rows._row_at(region.y), rows._column_at(region.x)
            name = rows.keys[row][-4:] if row is not None else "heading"
            drawn.append((name, str(column) if region.width < rows.size.width else "all"))
        return refresh(*regions, **how)

    rows.refresh = spy  # type: ignore[method-assign, assignment]
    return drawn
