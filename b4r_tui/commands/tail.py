"""`b4r-tui --tail RUN`: prints a run's logs and events and follows them."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.text import Text

from b4r_tui.commands.command import Context
from b4r_tui.common.event_lines import event_line
from b4r_tui.runs.logs.level import Level
from b4r_tui.runs.logs.levels import LevelReader
from b4r_tui.runs.logs.tail import LogTail
from b4r_tui.runs.store import Run, RunStore
from engine.contract.errors import B4RError, ExitCode
from engine.contract.events import EventReader, Progress, Record

POLL_SECONDS = 0.25
PROGRESS_SECONDS = 10.0  # progress comes twice a second; one line in this many seconds is enough
_STYLES = ("cyan", "magenta", "green", "yellow", "blue")


@dataclass(frozen=True)
class TailOptions:
    """What to show. ranks: () for all sources. lines: how many earlier lines per source to read; of these and of new
    ones only those that match `pattern` and are at `level` or above are shown.
    """

    ranks: tuple[int, ...] = ()
    lines: int = 20
    follow: bool = True
    pattern: re.Pattern[str] | None = None
    level: Level = Level.DEBUG

    def shows(self, line: str, level: Level) -> bool:
        """Return whether a line of this level is shown."""
        return level >= self.level and (self.pattern is None or self.pattern.search(line) is not None)


class _Lines(Protocol):
    drained: bool

    def poll(self) -> list[str]: ...

    def flush(self) -> list[str]: ...


class EventLines:
    """The events of a run as lines of text, with progress thinned out. last_lines: as for LogTail."""

    def __init__(self, path: Path, last_lines: int | None) -> None:
        self._reader = EventReader(path)
        self._last_lines = last_lines
        self._progress_at = 0.0
        self._phase = ""
        self.drained = True

    def poll(self) -> list[str]:
        """Return the lines of new events."""
        lines = [_event_line(record) for record in self._reader.poll() if self._is_shown(record)]
        past, self._last_lines = self._last_lines, None
        return lines if past is None else lines[max(0, len(lines) - past) :]

    def flush(self) -> list[str]:
        """Return nothing: an event is never split."""
        return []

    def _is_shown(self, record: Record) -> bool:
        if not isinstance(record.event, Progress):
            return True
        if record.event.phase == self._phase and record.t - self._progress_at < PROGRESS_SECONDS:
            return False
        self._phase, self._progress_at = record.event.phase, record.t
        return True


class Sources:
    """All logs of a run and its events, under the names they are shown with."""

    def __init__(self, run: Run, options: TailOptions) -> None:
        self._run, self._options = run, options
        self._lines: dict[str, _Lines] = {}
        self._past: int | None = options.lines

    def poll(self) -> Iterator[tuple[str, str]]:
        """Yield the new lines of all sources, each as (source, line)."""
        self._find()
        for name, lines in self._lines.items():
            yield from ((name, line) for line in lines.poll())
            while not lines.drained:
                yield from ((name, line) for line in lines.poll())
        self._past = None  # sources that appear later are shown from their start

    def flush(self) -> Iterator[tuple[str, str]]:
        """Yield last lines without a line break."""
        for name, lines in self._lines.items():
            yield from ((name, line) for line in lines.flush())

    def _find(self) -> None:
        """Add logs that have appeared."""
        ranks = self._options.ranks
        paths = [self._run.log_path(rank) for rank in ranks] if ranks else self._run.log_paths()
        for path in paths:
            self._add(path.stem.replace("_", " "), LogTail, path)
        if not ranks:
            self._add("events", EventLines, self._run.events_path)

    def _add(self, name: str, reader: type[LogTail] | type[EventLines], path: Path) -> None:
        if name not in self._lines and path.exists():
            self._lines[name] = reader(path, self._past)


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Print the lines of the run, and new ones until it ends. Raises B4RError for an unknown rank."""
    options = _options(arguments)
    run, readers = RunStore(context.root).find(arguments.tail), dict[str, LevelReader]()
    sources = Sources(run, options)
    for rank in options.ranks:
        _check_rank(run, rank, options.follow)
    while True:
        ended = run.state.ended  # before reading, so that what was written before the end is shown
        _print(sources.poll(), options, context.console, readers)
        if ended or not options.follow:
            break
        time.sleep(POLL_SECONDS)
    _print(sources.flush(), options, context.console, readers)
    return ExitCode.OK


def _options(arguments: argparse.Namespace) -> TailOptions:
    return TailOptions(
        ranks=tuple(dict.fromkeys(arguments.rank or ())),
        lines=TailOptions.lines if arguments.lines is None else arguments.lines,
        follow=not arguments.no_follow,
        pattern=arguments.grep,
        level=Level[arguments.level.upper()] if arguments.level else TailOptions.level,
    )


def _check_rank(run: Run, rank: int, follow: bool) -> None:
    if run.log_path(rank).exists():
        return
    ranks = run.config().launch.ranks
    if rank >= ranks:
        raise B4RError(f"{run.experiment}/{run.run_id} has no rank {rank}; it has ranks 0 to {ranks - 1}")
    if run.state.ended or not follow:
        raise B4RError(
            f"{run.experiment}/{run.run_id} has no log of rank {rank}; omit --rank to see the other logs"
        )


def _print(
    lines: Iterable[tuple[str, str]],
    options: TailOptions,
    console: Console,
    readers: dict[str, LevelReader],
) -> None:
    for source, line in lines:
        level, _ = readers.setdefault(source, LevelReader()).read(_level_text(source, line))
        if options.shows(line, level):
            mark = "" if len(options.ranks) == 1 else f"{source:8} │ "
            console.print(Text.assemble((mark, _style(source)), line), soft_wrap=True)
    console.file.flush()


def _style(source: str) -> str:
    number = source.rpartition(" ")[2]
    return (
        _STYLES[(int(number) + 1) % len(_STYLES)]
        if number.isdecimal()
        else "bold"
        if source == "events"
        else "dim"
    )


def _level_text(source: str, line: str) -> str:
    """Return the text that determines a line's level: the event of a failure is an error."""
    text = line.partition(" ")[2]
    return f"error: {text}" if source == "events" and text.startswith("failed: ") else line


def _event_line(record: Record) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(record.t))} {event_line(record.event)}"
