"""Themes: text can be read on every ground, states are told by more than colour, and NO_COLOR is kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.theme import Theme

from b4r_tui.app.screens.help import Help
from b4r_tui.app.widgets.key_line import KeyLine
from b4r_tui.app.widgets.palette import GLYPHS, PALETTES, palette_of
from b4r_tui.app.widgets.themes import THEMES
from b4r_tui.runs.state import RunState
from tests.b4r_tui.app.conftest import Place, until
from tests.b4r_tui.app.keyboard import app_of
from tests.terminal import Terminal

BY_NAME = {theme.name: theme for theme in THEMES}
LEAST = {"b4r-high-contrast": 7.0}  # WCAG 2.2: 1.4.6 (AAA); of all others 4.5: 1.4.3 (AA)
NOT_READ = set("─│╭╮╯╰▔▁▂▃▄▅▆▇█▏▎▍▌▋▊▉▕▐━╸╺┃▲▼⣿ ")  # frames, bars


def least(theme: Theme) -> float:
    return LEAST.get(theme.name, 4.5)


def contrast(one: Color, other: Color) -> float:
    """The ratio of relative luminances, from 1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_contrast_is_reckoned_as_defined() -> None:
    assert contrast(Color.parse("#ffffff"), Color.parse("#000000")) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), Color.parse("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_colours_of_states_and_text_can_be_read_on_every_ground(theme: Theme) -> None:
    palette = PALETTES[theme.name]
    grounds = {
        name: Color.parse(colour)
        for name, colour in {
            "background": theme.background,
            "surface": theme.surface,
            "panel": theme.panel,
            "cursor": theme.variables["block-cursor-background"],
            "cursor elsewhere": theme.variables["block-cursor-blurred-background"],
        }.items()
    }
    texts = {name: value for name, value in vars(palette).items() if isinstance(value, str)}
    texts["foreground"] = str(theme.foreground)
    unread = [
        f"{name} on {ground}: {contrast(Color.parse(text), colour):.2f}"
        for name, text in texts.items()
        for ground, colour in grounds.items()
        if contrast(Color.parse(text), colour) < least(theme)
    ]
    assert unread == []
    lines = [contrast(Color.parse(line), Color.parse(str(theme.background))) for line in palette.lines]
    assert min(lines) >= 3.0  # of graphics: 1.4.11


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_what_is_on_screen_can_be_read(place: Place, theme: Theme) -> None:
    place.finished()
    place.failed()
    place.running()
    app = place.app()
    app.theme = theme.name
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: len(app_of(pilot).main.views()) == 3)
        for keys in (["tab"], ["5"], ["6"], ["question_mark"]):
            await pilot.press(*keys)
            await pilot.pause(0.1)
            for line in app.screen.query(KeyLine):  # keys that do nothing now may be faint
                line._keys = [key for key in line._keys if key.enabled]
                line.refresh()
            await pilot.pause()
            assert unread(pilot, least(theme)) == [], keys
        assert isinstance(app.screen, Help)


def unread(pilot: Pilot[None], ratio: float) -> list[str]:
    """The words on screen, or in the box above it, whose contrast is too low."""
    found = []
    for text, style, _ in segments(pilot.app.screen):
        if style is None or style.color is None or style.bgcolor is None or not set(text) - NOT_READ:
            continue
        front, back = (Color.from_rich_color(each) for each in (style.color, style.bgcolor))
        if contrast(front, back) < ratio:
            found.append(f"{text.strip()!r}: {front.hex} on {back.hex} is {contrast(front, back):.2f}")
    return list(dict.fromkeys(found))


def segments(screen: Screen[object]) -> Iterator[Segment]:
    """What is drawn; of a screen that is dimmed below a box just the box."""
    region = screen.query_one("#box").region if isinstance(screen, ModalScreen) else screen.region
    for strip in screen._compositor.render_strips()[region.y : region.bottom]:
        yield from strip.crop(region.x, region.right)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_states_differ_in_sign_and_word_not_only_in_colour(theme: Theme) -> None:
    palette = PALETTES[theme.name]
    badges = [palette.badge(state) for state in RunState]
    assert len({GLYPHS[state.value] for state in RunState}) == len(RunState)
    assert [badge.plain.split()[1] for badge in badges] == [state.value for state in RunState]


@pytest.mark.parametrize("sight", ["protan", "deutan"])
@pytest.mark.parametrize("name", ["b4r-colour-blind", "b4r-colour-blind-light"])
def test_colour_blind_people_tell_good_from_bad_and_lines_apart(name: str, sight: str) -> None:
    palette = PALETTES[name]
    seen = {state: seen_by(sight, palette.of(state)) for state in RunState}
    assert apart(seen[RunState.FINISHED], seen[RunState.FAILED]) > 20
    assert apart(seen[RunState.RUNNING], seen[RunState.FAILED]) > 20
    first = [seen_by(sight, line) for line in palette.lines[:4]]
    assert min(apart(one, other) for one, other in combinations(first, 2)) > 10


SIGHTS = {  # of linear RGB: Machado, Oliveira, Fernandes: A Physiologically-based Model (2009), severity 1
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def seen_by(sight: str, colour: str) -> tuple[float, float, float]:
    """CIELAB of a colour as somebody sees it who lacks one kind of cone."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in Color.parse(colour).normalized
    ]
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, linear, strict=True))))
        for row in SIGHTS[sight]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """CIE 1976 difference; about 2 can just be noticed."""
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


async def test_a_theme_of_the_library_gets_the_palette_of_its_ground(place: Place) -> None:
    app = place.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        for theme in ("nord", "solarized-light"):
            app.theme = theme
            assert palette_of(app) is PALETTES["b4r-dark" if app.current_theme.dark else "b4r-light"]  # type: ignore[arg-type]


def test_no_color_has_no_colours_and_signs_instead(place: Place) -> None:
    place.finished()
    place.failed()
    terminal = Terminal(place.folder, 120, 36, NO_COLOR="1")
    terminal.shows("✓ 1 finished")
    terminal.shows("✗ 1 failed")
    for colour in terminal.colours() - {"default"}:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (0, 2, 4))
        assert max(red, green, blue) - min(red, green, blue) <= 2, colour
    terminal.press("q")
    terminal.ends()
    assert terminal.child.exitstatus == 0
