"""`b4r-tui show RUN --repro`: a shell script that runs a run again, with all that its numbers depend on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import tomlkit

from b4r_tui import __version__
from b4r_tui.runs.environment import LABELS, labelled, read_environment
from b4r_tui.runs.store import Run
from b4r_tui.runs.summary import Summary

_CHOSEN = ("b4r-tui", "fbgemm")  # come from the repository at the commit, and from what fits the machine


def repro_text(run: Run, summary: Summary) -> str:
    """The script; comments tell what cannot be pasted. Raises B4RError where the config cannot be read."""
    return "\n".join([*_facts(run, summary), "", *_commands(run), ""])


def repro_record(run: Run) -> dict[str, Any]:
    """The same as data: environment, config, and the command that started the ranks."""
    status = run.status()
    return {
        "run": run.run_id,
        "experiment": run.experiment,
        "argv": list(status.argv) if status else [],
        "environment": read_environment(run.dir),
        "config": run.config().model_dump(exclude_none=True),
    }


def _facts(run: Run, summary: Summary) -> Iterator[str]:
    """What the run was and ran on, as comments."""
    environment, config = read_environment(run.dir), run.config()
    yield "#!/bin/sh"
    yield f"# {run.experiment}/{run.run_id}: {summary['state']}; written by b4r-tui {__version__}"
    facts = dict.fromkeys(LABELS.values(), "unknown") | labelled(environment)
    facts["seed"] = f"{config.training.seed} (data {config.data.seed})"
    facts["commit"] = _commit(environment)
    if environment.get("earlier"):
        facts["attempts"] = str(len(environment["earlier"]) + 1)
    for label, text in facts.items():
        yield f"# {label:20} {text}"


def _commit(found: dict[str, Any]) -> str:
    commit, changed = found.get("git_commit"), found.get("git_dirty")
    if not commit:
        return "unknown: it ran from no git checkout"
    if changed is None:
        return str(commit)
    return f"{commit}, {'with changes that were not committed' if changed else 'clean'}"


def _commands(run: Run) -> Iterator[str]:
    found, status = read_environment(run.dir), run.status()
    if found.get("git_commit"):
        yield f"git checkout {found['git_commit']}"
    if packages := _packages(found):
        yield f"pip install {shlex.join(packages)}"
    yield f"cat > {run.experiment}.toml <<'END_OF_EXPERIMENT'"
    yield _experiment_text(run).rstrip("\n")
    yield "END_OF_EXPERIMENT"
    yield f"b4r-tui --run {run.experiment}.toml"
    yield ""
    yield "# or, in place of it and where the run folder is, compared number by number:"
    yield f"# b4r-tui --runs {shlex.quote(str(run.dir.absolute().parent.parent))} rerun {run.run_id} --check"
    if status and status.argv:
        threads = f"OMP_NUM_THREADS={found['threads']} " if found.get("threads") else ""
        yield "# what started its ranks:"
        yield f"# {threads}{shlex.join(status.argv)}"


def _packages(found: dict[str, Any]) -> list[str]:
    """What pip is to install; builds (`+cpu`) and FBGEMM, which depends on the machine, are `make demo`'s choice."""
    versions = found.get("packages", {}).items()
    chosen = {name: version.partition("+")[0] for name, version in versions if not name.startswith(_CHOSEN)}
    return [f"{name}=={version}" for name, version in chosen.items()]


def _experiment_text(run: Run) -> str:
    """The frozen config as an experiments file."""
    settings = run.config().model_dump(exclude_none=True)
    name = settings.pop("name")
    return tomlkit.dumps({"experiments": {name: settings}})
