"""`b4r-tui import SCRIPT…`: converts the original's command lines to experiments without running them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from b4r_tui.commands.command import Context
from b4r_tui.experiments.importing.launcher import read_launch
from b4r_tui.experiments.importing.mapping import Imported, import_launch
from b4r_tui.experiments.importing.shell import Remark, read_script
from b4r_tui.experiments.importing.write import merged_text, new_text, shadowed
from engine.contract.atomic_files import write_text
from engine.contract.errors import B4RError, ExitCode

LARGEST_SCRIPT = 4 * 1024 * 1024  # bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add SCRIPT…, --name, --output and --into."""
    parser.add_argument("scripts", type=Path, nargs="+", metavar="SCRIPT")
    parser.add_argument("--name", help="name of the experiment (default: the script's)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="new file (default: standard output)"
    )
    where.add_argument("--into", type=Path, metavar="FILE", help="experiments file to add them to")


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Write the experiments of the scripts to --output, which is new, to the file --into, or to standard output.

    Differences from the original are reported on standard error with their lines. Raises B4RError.
    """
    scripts, output, into = arguments.scripts, arguments.output, arguments.into
    target = output or into
    if output is not None and output.exists():
        raise B4RError(f"{output} already exists; add to it with --into, or choose another file")
    taken: dict[str, str] = {}
    folder = (target.parent if target else Path()).absolute()
    imported = [each for script in scripts for each in _imported(script, arguments.name, folder, taken)]
    if not imported:
        raise B4RError(
            f"{', '.join(map(str, scripts))}: no command starts the original, e.g. `torchx run … dist.ddp "
            "--script src/bert4rec_main.py -- …`"
        )
    before = _read(into) if into is not None and into.exists() else None
    sources = [script.name for script in scripts]
    text = new_text(imported, sources) if before is None else merged_text(before, str(into), imported)
    if before is not None and (heirs := shadowed(before, imported[0].settings)):
        _say(f"{into}: its [defaults] also apply to these experiments: {', '.join(heirs)}")
    _write(target, text)
    return ExitCode.OK


def _imported(script: Path, name: str | None, folder: Path, taken: dict[str, str]) -> Iterator[Imported]:
    """Yield the experiments of one script, and report their differences."""
    read = read_script(_read(script))
    _report(script, read.remarks)
    for command in read.commands:
        launch = read_launch(command)
        if launch is None:
            continue
        new_name = _free(name or launch.name or script.stem, taken)
        if "bert4rec" not in launch.script.text:
            sentence = f"{launch.script.text} is not a script of the original; treated as if it were"
            launch.remarks.append(Remark(launch.script.line, sentence))
        launch.remarks += command.remarks
        found = import_launch(launch, new_name, folder)
        _report(script, found.notes, new_name)
        yield found


def _free(wanted: str, taken: dict[str, str]) -> str:
    """Return a valid experiment name that is not taken: `train`, then `train-2`."""
    base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted).lstrip(".")[:90] or "imported"
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken[name] = wanted
    return name


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_SCRIPT:
            raise B4RError(f"{path} is larger than {LARGEST_SCRIPT // 2**20} MiB; is it a script?")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise B4RError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}") from error


def _write(target: Path | None, text: str) -> None:
    if target is None:
        sys.stdout.write(text)
        return
    try:
        write_text(target, text)
    except OSError as error:
        raise B4RError(f"{target}: {error.strerror or error}; choose a writable file") from error


def _report(script: Path, remarks: Sequence[Remark], name: str | None = None) -> None:
    for remark in remarks:
        _say(f"{script}:{remark.line}: {name + ': ' if name else ''}{remark.sentence}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
