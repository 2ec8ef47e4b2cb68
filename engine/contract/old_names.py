"""Modules under the names of the previous release, because command lines outlive an upgrade.

A runner that is still alive starts `-m b4r_tui.runs.supervisor`, a requeued Slurm job has
`-m b4r_tui.runs.backends.agent` in its batch script, and the console script of an older editable install imports
`b4r_tui.cli`. A finder at the end of `sys.meta_path` resolves such a name to the file of today's module; it is only
asked for names that nothing else resolves, so other imports cost nothing. Remove a row one release after its move.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every start of the program comes past here
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MOVED = {  # old name -> name today; a package brings its modules with it
    "b4r_tui.cli": "b4r_tui.commands.main",
    "b4r_tui.runs.backends": "b4r_tui.runs.supervision.backends",
    "b4r_tui.runs.runner": "b4r_tui.runs.queue.runner",
    "b4r_tui.runs.supervisor": "b4r_tui.runs.supervision.supervisor",
    "b4r_tui.serve": "b4r_tui.web",
    "b4r_tui.trackers": "b4r_tui.runs.trackers",
    "engine.evaluate": "engine.programs.evaluate",
    "engine.export_model": "engine.programs.export_model",
    "engine.rate_fairness": "engine.programs.measure_fairness",
    "engine.recommend": "engine.programs.recommend",
}


class OldNames:
    """A meta path finder that loads the module of today under its old name, so that `python -m` can run it."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec of the old name on today's file, None for any other name."""
        if name not in MOVED:
            return None
        from importlib import util  # only an old name needs it

        today = util.find_spec(MOVED[name])
        if today is None:
            return None
        folders = today.submodule_search_locations
        return util.spec_from_file_location(name, today.origin, submodule_search_locations=folders)


def install() -> None:
    """Let imports and `python -m` find old names; a second call changes nothing."""
    if OldNames not in sys.meta_path:
        sys.meta_path.append(OldNames)
