"""The tabs of a run, by name. Each imports its module when it is loaded, since start-up must not wait for any.

The imports are written out, one function per tab, so that type checkers and refactoring tools see them.
"""

from __future__ import annotations

from collections.abc import Callable

from b4r_tui.app.widgets.run_tab import RunTab


def _epochs() -> type[RunTab]:
    from b4r_tui.app.widgets.run.epochs_tab import EpochsTab

    return EpochsTab


def _curves() -> type[RunTab]:
    from b4r_tui.app.widgets.run.curves_tab import CurvesTab

    return CurvesTab


def _log() -> type[RunTab]:
    from b4r_tui.app.widgets.log.log_tab import LogTab

    return LogTab


def _config() -> type[RunTab]:
    from b4r_tui.app.widgets.run.config_tab import ConfigTab

    return ConfigTab


def _results() -> type[RunTab]:
    from b4r_tui.app.widgets.run.results_tab import ResultsTab

    return ResultsTab


def _data() -> type[RunTab]:
    from b4r_tui.app.widgets.run.data_tab import DataTab

    return DataTab


def _outputs() -> type[RunTab]:
    from b4r_tui.app.widgets.run.programs_tab import OutputsTab

    return OutputsTab


def _environment() -> type[RunTab]:
    from b4r_tui.app.widgets.run.environment_tab import EnvironmentTab

    return EnvironmentTab


_LOAD: dict[str, Callable[[], type[RunTab]]] = {
    "epochs": _epochs,
    "curves": _curves,
    "log": _log,
    "config": _config,
    "results": _results,
    "data": _data,
    "outputs": _outputs,
    "environment": _environment,
}
TABS = tuple(_LOAD)


def new_tab(name: str) -> RunTab:
    """Return a new widget for a tab."""
    return _LOAD[name]()()


def import_all() -> None:
    """Import the modules of all tabs."""
    for load in _LOAD.values():
        load()
