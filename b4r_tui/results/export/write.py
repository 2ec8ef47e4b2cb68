"""Writes the leaderboards of all runs as csv, Markdown, LaTeX, JSON, Parquet or an HTML report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from b4r_tui import __version__
from b4r_tui.results.export.flat import as_csv, as_json, as_parquet
from b4r_tui.results.export.formats import SUFFIXES
from b4r_tui.results.export.latex import as_latex
from b4r_tui.results.export.markdown import as_markdown
from b4r_tui.results.export.table import Panel, panels
from b4r_tui.results.groups import groups_of
from b4r_tui.results.selection import is_tested
from b4r_tui.runs.store import Run, RunStore
from b4r_tui.runs.summary import Summary, read_summary
from engine.contract.atomic_files import replacing
from engine.contract.config.validation import nearest
from engine.contract.errors import B4RError, ExitCode


@dataclass(frozen=True)
class LeaderboardExport:
    """What to export and how. form: one of FORMATS, None to take it from the file's extension, or csv without a file.

    metrics: in the order of the columns, the first ranks. only: names of experiments, groups or runs. file: None for
    standard output.
    """

    form: str | None = None
    metrics: tuple[str, ...] = ()
    protocol: str | None = None
    only: tuple[str, ...] = ()
    baseline: str | None = None
    file: Path | None = None


def write_export(root: Path, file: Path, options: LeaderboardExport) -> None:
    """Write what the options ask for to a file and print nothing. Raises B4RError if that fails."""
    runs = {run.run_id: run for run in RunStore(root).runs()}
    form = format_of(replace(options, file=file))
    write_file(file, rendered(form, exported(root, runs, options), runs))


def exported(root: Path, runs: dict[str, Run], options: LeaderboardExport) -> list[Panel]:
    """Return the panels that the options ask for. Raises B4RError if no run matches."""
    tested = [summary for run in runs.values() if is_tested(summary := read_summary(run))]
    if not tested:
        raise B4RError(f"no run in {root} has test metrics; train some with --run, or choose another --runs")
    folders = {run_id: run.dir for run_id, run in runs.items()}
    chosen = _chosen(
        tested, [*options.only, *([options.baseline] if options.only and options.baseline else [])]
    )
    found = panels(chosen, options.metrics, options.protocol, options.baseline, folders)
    missing = [metric for metric in options.metrics if not any(metric in panel.metrics for panel in found)]
    if missing or not found:
        raise B4RError(_unmeasured(chosen, missing, options.protocol))
    return found


def rendered(form: str, found: Sequence[Panel], runs: dict[str, Run]) -> bytes:
    """Return the panels in a format, as the bytes of a file."""
    if form == "parquet":
        return as_parquet(found)
    if form == "html":
        from b4r_tui.results.export.html import as_html  # its intervals need numpy

        return as_html(found, runs, time.time(), __version__).encode()
    texts = {"csv": as_csv, "json": as_json, "md": as_markdown, "latex": as_latex}
    return texts[form](found).encode()


def format_of(options: LeaderboardExport) -> str:
    """Return the format to write. Raises B4RError if the file's extension does not determine it."""
    if options.form:
        return options.form
    if options.file is None:
        return "csv"
    form = SUFFIXES.get(options.file.suffix.lower())
    if form is None:
        raise B4RError(f"{options.file}: unknown extension; choose a format with --format")
    return form


def _chosen(tested: Sequence[Summary], only: Sequence[str]) -> list[Summary]:
    """Return the runs that match one of the names, or all without names. Raises B4RError for an unknown name."""
    if not only:
        return list(tested)
    groups = groups_of(tested)
    for name in only:
        if not any(group.answers_to(name) for group in groups):
            known = sorted({each for group in groups for each in (group.name, *group.experiments)})
            raise B4RError(f"no tested run is named '{name}'; {nearest(name, known)}")
    named = set(only)
    ids = {run_id for g in groups if g.name in named for run_id in (*g.run_ids, *g.repeats)}
    return [run for run in tested if run["run_id"] in ids | named or run["experiment"] in named]


def _unmeasured(chosen: Sequence[Summary], missing: Sequence[str], protocol: str | None) -> str:
    """Return a sentence on the metric or protocol that no run has, and what there is instead."""
    keys = [key.split(".")[1:] for run in chosen for key in run if key.startswith("test.")]
    protocols = sorted({key[0] for key in keys})
    if protocol and protocol not in protocols:
        return f"no run was tested with protocol {protocol}; {nearest(protocol, protocols)}"
    metrics = sorted({key[1] for key in keys})
    wanted = missing[0] if missing else "recall@10"
    return f"no run has the test metric {wanted}; {nearest(wanted, metrics)}"


def write_file(path: Path, data: bytes) -> None:
    """Replace the file in one step. Raises B4RError if it cannot be written."""
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise B4RError(
            f"{path}: {error.strerror or error}; choose another file with -o", ExitCode.ENVIRONMENT
        ) from error
