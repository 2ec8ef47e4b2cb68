"""Makes the pages of docs/reference that stand in the code already: settings, command line, events.

python -m docs.make_reference (a second). A test compares the pages with what this would write.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from b4r_tui.commands.parser import full_parser
from b4r_tui.experiments.settings import Setting, settings_of
from b4r_tui.experiments.sweep.options import RangeTable, SweepOptions
from engine.contract import events
from engine.contract.config.experiment import Experiment

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/make_reference.py from {source}: change it there, then `make docs`. -->\n"
ABOUT_SETTINGS = """\
A file has tables `[experiments.NAME]`, each with the groups below, and `[defaults]` with groups that hold for all of
them. NAME: letters, digits, `.`, `_`, `-`, not starting with a dot. Keys can be written as tables or dotted
(`model.emb_dim = 64`). Unknown keys are errors that name the nearest known one; `b4r-tui validate FILE` tells all
of them. Relative paths start at the folder of the file."""
ABOUT_COMMANDS = """\
`RUN` is a run's id or a unique prefix of it, its experiment's name (the latest run), or its folder. Options of a
command go after its name; every command takes `--runs DIR`, the runs root. `--json` writes only JSON to standard
output; messages go to standard error."""
ABOUT_EVENTS = """\
`events.jsonl` of a run folder has one JSON object a line, appended by rank 0 and never changed. Every line has `v`
(version, {version}), `t` (unix seconds) and `type`. What is no number is `null`. Readers pass over unknown types and
keys, and a torn last line; `engine.contract.events.read_events(path)` does. A field with a default may be missing.

`Metrics` is protocol → metric → value; `Intervals` is protocol → metric → `value`, `low`, `high`, `n`, `se`."""
GROUPS = ("data", "model", "training", "evaluation", "launch")
USUAL = {  # meanings of arguments without help
    "RUN": "the run",
    "FILE": "the experiments file",
    "SCRIPT": "shell scripts that start the original",
    "N": "the number",
    "RUN|FILE.pth": "the run, or a checkpoint file without its run",
    "place": "new position",
}


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Each page by its file name."""
    return {"settings.md": settings_page(), "cli.md": cli_page(), "events.md": events_page()}


def settings_page() -> str:
    """Every key of an experiments file."""
    lines = [
        "# Settings: every key of an experiments file",
        "",
        MADE.format(source="engine/contract/config/experiment.py"),
        ABOUT_SETTINGS,
        "",
        "## Of an experiment",
        "",
        "| key | takes | default | meaning |",
        "|---|---|---|---|",
        f"| `description` | text | `{show('')}` | {cell(Experiment.model_fields['description'].description)} |",
        "| `extends` | text |  | Experiment of the same file whose settings are taken over first |",
        "| `sweep` | table |  | Settings to sweep, a run for each point and seed: [below](#sweep) |",
    ]
    for group in GROUPS:
        model = Experiment.model_fields[group].annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        lines += [
            "",
            f"## {group}",
            "",
            inspect.getdoc(model) or "",
            "",
            *settings_table(settings_of(model, group)),
        ]
    return "\n".join([*lines, *sweep_lines()]) + "\n"


def sweep_lines() -> Iterator[str]:
    """The section on sweep tables."""
    yield from (
        "",
        "## sweep",
        "",
        inspect.getdoc(SweepOptions) or "",
        "More in [sweeps.md](../sweeps.md).",
        "",
    )
    yield from settings_table(settings_of(SweepOptions, ""))
    yield from (
        "",
        'Any other key is a setting with its group, quoted (`"training.lr"`) or dotted. It has a list of values,',
        "`{choices = [...]}`, or a range, where the setting is a number:",
        "",
        "| key of a range | default | meaning |",
        "|---|---|---|",
    )
    for name, field in RangeTable.model_fields.items():
        default = (
            "needed"
            if field.is_required()
            else f"`{show(field.default)}`"
            if field.default is not None
            else ""
        )
        yield f"| `{name}` | {default} | {cell(field.description)} |"


def settings_table(settings: Iterator[Setting]) -> Iterator[str]:
    """A table of settings, a row each."""
    yield from ("| key | takes | default | meaning |", "|---|---|---|---|")
    for each in settings:
        takes = " ".join(f"`{choice}`" for choice in each.choices) or cell(each.about)
        default = "" if each.default is None else f"`{show(each.default)}`"
        yield f"| `{each.key.removeprefix('.')}` | {takes} | {default} | {cell(each.help)} |"


def cli_page() -> str:
    """Return the page of every command and option."""
    lines = [
        "# Command line: every command and option",
        "",
        MADE.format(source="b4r_tui/commands"),
        ABOUT_COMMANDS,
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | ok |",
        "| 1 | a run failed |",
        "| 2 | bad input or usage |",
        "| 3 | environment: a GPU, port, program or package is missing |",
        "| 130 | interrupted |",
    ]
    return "\n".join([*lines, *command_lines(full_parser())]) + "\n"


def command_lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the section of a parser, then those of its commands."""
    yield from ("", f"## `{parser.prog}`", "", sentence(parser.description or ""))
    rows = [row(parser, action) for action in parser._actions if shown(parser, action)]
    if rows:
        yield from ("", "| argument | meaning |", "|---|---|", *rows)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._get_subactions():  # without names of previous releases, which have no help
                yield from command_lines(action.choices[listed.dest])


def shown(parser: argparse.ArgumentParser, action: argparse.Action) -> bool:
    """Return whether an argument is listed; --help is not, and --runs, which all commands take, only once."""
    if action.dest == "runs":
        return parser.prog == "b4r-tui"
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help is not argparse.SUPPRESS


def row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return an argument's row: how it is written, and what it means."""
    meaning = (
        parser._get_formatter()._expand_help(action)
        if action.help
        else USUAL.get(str(action.metavar or action.dest), "")
    )
    written = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{value_of(action)}`"
    if action.option_strings and action.nargs != 0:
        written += f" `{value_of(action)}`"
    return f"| {cell(written)} | {cell(meaning)} |"


def value_of(action: argparse.Action) -> str:
    """Return how the value of an argument is written, such as `NAME…` for one or more."""
    name = action.metavar or (
        "|".join(map(str, action.choices)) if action.choices else action.dest.upper().replace("_", "-")
    )
    many = {"+": f"{name}…", "*": f"[{name}…]", "?": f"[{name}]"}
    return many.get(str(action.nargs), str(name))


def events_page() -> str:
    """Every event type and field."""
    lines = [
        "# Events: what a run reports",
        "",
        MADE.format(source="engine/contract/events.py"),
        ABOUT_EVENTS.format(version=events.VERSION),
    ]
    for name, kind in events.EVENT_TYPES.items():
        about = inspect.getdoc(kind) or ""
        lines += ["", f"## {name}", "", about, "", "| field | type | default |", "|---|---|---|"]
        lines += [
            f"| `{each.name}` | `{cell(str(each.type))}` | {default_of(each)} |" for each in fields(kind)
        ]
    return "\n".join(lines) + "\n"


def default_of(field: Any) -> str:
    """A field's default as JSON has it; nothing where it always is there."""
    if field.default_factory is not MISSING:
        return f"`{field.default_factory()}`"
    return "" if field.default is MISSING else f"`{show(field.default)}`"


def show(value: Any) -> str:
    """A value as TOML or JSON writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    return str(value)


def cell(text: str | None) -> str:
    """Text that a cell of a table can hold."""
    return " ".join((text or "").replace("|", "\\|").split())


def sentence(text: str) -> str:
    """Return a help line as a sentence."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".") if text else ""


if __name__ == "__main__":
    main()
