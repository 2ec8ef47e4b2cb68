"""A shell script that reproduces a run, with everything that its numbers depend on, for `show RUN --repro`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import tomlkit

from b4r_tui import __version__
from b4r_tui.runs.environment import LABELS, labelled, read_environment
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import Summary

_CHOSEN = ("b4r-tui", "fbgemm")  # the commit of the repository and the machine determine them


def repro_text(run: Run, summary: Summary) -> str:
    """Return the script, with facts as comments. Raises B4RError if the config cannot be read."""
    return "\n".join([*_facts(run, summary), "", *_commands(run), ""])


def repro_record(run: Run) -> dict[str, Any]:
    """Return the same as data: environment, config, and the command that started the ranks."""
    status = run.status()
    return {
        "run": run.run_id,
        "experiment": run.experiment,
        "argv": list(status.argv) if status else [],
        "environment": read_environment(run.dir),
        "config": run.config().model_dump(exclude_none=True),
    }


def _facts(run: Run, summary: Summary) -> Iterator[str]:
    """Yield what the run was and what it ran on, as comments."""
    environment, config = read_environment(run.dir), run.config()
    yield "#!/bin/sh"
    yield f"# {run.experiment}/{run.run_id}: {summary['state']}; printed by b4r-tui {__version__}"
    facts = dict.fromkeys(LABELS.values(), "unknown") | labelled(environment)
    facts["seed"] = f"{config.training.seed} (data {config.data.seed})"
    facts["commit"] = _commit(environment)
    if environment.get("earlier"):
        facts["attempts"] = str(len(environment["earlier"]) + 1)
    for label, text in facts.items():
        yield f"# {label:20} {text}"


def _commit(environment: dict[str, Any]) -> str:
    commit, changed = environment.get("git_commit"), environment.get("git_dirty")
    if not commit:
        return "unknown: not a git checkout"
    if changed is None:
        return str(commit)
    return f"{commit}, {'with uncommitted changes' if changed else 'clean'}"


def _commands(run: Run) -> Iterator[str]:
    environment, status = read_environment(run.dir), run.status()
    if environment.get("git_commit"):
        yield f"git checkout {environment['git_commit']}"
    if packages := _packages(environment):
        yield f"pip install {shlex.join(packages)}"
    yield f"cat > {run.experiment}.toml <<'END_OF_EXPERIMENT'"
    yield _experiment_text(run).rstrip("\n")
    yield "END_OF_EXPERIMENT"
    yield f"b4r-tui --run {run.experiment}.toml"
    yield ""
    yield "# or, where the run folder is, run it again and compare every number:"
    yield f"# b4r-tui --runs {shlex.quote(str(run.dir.absolute().parent.parent))} rerun {run.run_id} --check"
    if status and status.argv:
        threads = f"OMP_NUM_THREADS={environment['threads']} " if environment.get("threads") else ""
        yield "# the command that started the ranks:"
        yield f"# {threads}{shlex.join(status.argv)}"


def _packages(environment: dict[str, Any]) -> list[str]:
    """Return what pip has to install; `make demo` chooses builds (`+cpu`) and FBGEMM, which depend on the machine."""
    versions = environment.get("packages", {}).items()
    chosen = {name: version.partition("+")[0] for name, version in versions if not name.startswith(_CHOSEN)}
    return [f"{name}=={version}" for name, version in chosen.items()]


def _experiment_text(run: Run) -> str:
    """Return the frozen config as an experiments file."""
    settings = run.config().model_dump(exclude_none=True)
    name = settings.pop("name")
    return tomlkit.dumps({"experiments": {name: settings}})
