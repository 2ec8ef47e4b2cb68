"""Writes the leaderboards of all runs as csv, Markdown, LaTeX, JSON, parquet or an HTML report."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from b4r_tui import __version__
from b4r_tui.results.conditions import Conditions, differing, listed
from b4r_tui.results.export.flat import as_csv, as_json, as_parquet
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

SUFFIXES = {
    ".csv": "csv",
    ".md": "md",
    ".tex": "latex",
    ".json": "json",
    ".parquet": "parquet",
    ".html": "html",
}


@dataclass(frozen=True)
class ExportOptions:
    """What to export and how. form: a value of SUFFIXES, None to go by the file's ending, csv without one.

    metrics: in the order of the columns, the first ranks. only: names of experiments, groups or runs. file: None for
    standard output.
    """

    form: str | None = None
    metrics: tuple[str, ...] = ()
    protocol: str | None = None
    only: tuple[str, ...] = ()
    baseline: str | None = None
    file: Path | None = None


def export_runs(root: Path, options: ExportOptions) -> ExitCode:
    """Write the leaderboards of the runs tested, whole or not at all. Raises B4RError where there are none."""
    form = _form(options)
    if form == "parquet" and options.file is None and sys.stdout.isatty():
        raise B4RError("parquet is no text for a terminal; name a file with -o FILE")
    runs = {run.run_id: run for run in RunStore(root).runs()}
    found = exported(root, runs, options)
    if len(found) > 1:
        sys.stderr.write(
            f"b4r-tui: {len(found)} tables, since the runs differ in {listed(_differing(found))}\n"
        )
    data = rendered(form, found, runs)
    if options.file is None:
        _to_stdout(data)
    else:
        _to_file(options.file, data)
        sys.stderr.write(f"b4r-tui: wrote {options.file}\n")
    return ExitCode.OK


def write_export(root: Path, file: Path, options: ExportOptions) -> None:
    """Write what the options ask for into a file, and nothing else. Raises B4RError where it cannot be."""
    runs = {run.run_id: run for run in RunStore(root).runs()}
    form = _form(replace(options, file=file))
    _to_file(file, rendered(form, exported(root, runs, options), runs))


def exported(root: Path, runs: dict[str, Run], options: ExportOptions) -> list[Panel]:
    """The panels that the options ask for. Raises B4RError where no run fits."""
    tested = [summary for run in runs.values() if is_tested(summary := read_summary(run))]
    if not tested:
        raise B4RError(f"no run in {root} has test metrics; start some with --run, or name another --runs")
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
    """The panels in a format, as the bytes of its file."""
    if form == "parquet":
        return as_parquet(found)
    if form == "html":
        from b4r_tui.results.export.html import as_html  # with numpy

        return as_html(found, runs, time.time(), __version__).encode()
    texts = {"csv": as_csv, "json": as_json, "md": as_markdown, "latex": as_latex}
    return texts[form](found).encode()


def _form(options: ExportOptions) -> str:
    if options.form:
        return options.form
    if options.file is None:
        return "csv"
    form = SUFFIXES.get(options.file.suffix.lower())
    if form is None:
        raise B4RError(f"{options.file}: its ending names no format; choose one with --format")
    return form


def _chosen(tested: Sequence[Summary], only: Sequence[str]) -> list[Summary]:
    """The runs that answer to one of the names, all where there are none. Raises B4RError of an unknown one."""
    if not only:
        return list(tested)
    groups = groups_of(tested)
    for name in only:
        if not any(group.answers_to(name) for group in groups):
            known = sorted({each for group in groups for each in (group.name, *group.experiments)})
            raise B4RError(f"no tested run is called '{name}'; {nearest(name, known)}")
    named = set(only)
    ids = {run_id for g in groups if g.name in named for run_id in (*g.run_ids, *g.repeats)}
    return [run for run in tested if run["run_id"] in ids | named or run["experiment"] in named]


def _unmeasured(chosen: Sequence[Summary], missing: Sequence[str], protocol: str | None) -> str:
    """Which metric or protocol no run has, and what there is instead."""
    keys = [key.split(".")[1:] for run in chosen for key in run if key.startswith("test.")]
    protocols = sorted({key[0] for key in keys})
    if protocol and protocol not in protocols:
        return f"no run was tested by protocol {protocol}; {nearest(protocol, protocols)}"
    metrics = sorted({key[1] for key in keys})
    wanted = missing[0] if missing else "recall@10"
    return f"no run has the test metric {wanted}; {nearest(wanted, metrics)}"


def _differing(found: Sequence[Panel]) -> list[str]:
    return differing(Conditions(p.protocol, "", p.dataset, p.fingerprint, p.negatives) for p in found)


def _to_stdout(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _to_file(path: Path, data: bytes) -> None:
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise B4RError(
            f"{path}: {error.strerror or error}; choose another file with -o", ExitCode.ENVIRONMENT
        ) from error
