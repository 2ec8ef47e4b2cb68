"""All runs as pandas tables: `b4r_tui.results.load` and `load_epochs`, for notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from b4r_tui.runs.store import Run


def load(root: str | Path = "runs") -> pd.DataFrame:
    """Return a table with one row per run, oldest first, indexed by `run_id`.

    Columns: `experiment`, `state`, `seed` and the other fields of the run's summary, with test metrics as
    `test.<protocol>.<metric>`; every setting by its dotted key, such as `training.lr`; and `dir`, the run folder.
    Times are Unix seconds, epochs count from 0. Without runs the table is empty.
    """
    import pandas as pd

    records = [_record(run) for run in _runs(root)]
    frame = pd.DataFrame(records) if records else pd.DataFrame(columns=["run_id", "experiment", "state"])
    return frame.set_index("run_id")


def load_epochs(root: str | Path = "runs") -> pd.DataFrame:
    """Return a table with one row per finished epoch.

    Columns: run_id, experiment, epoch (from 0), train_loss, lr, seconds, sequences_per_second, best, and validation
    metrics as `validation.<protocol>.<metric>`.
    """
    import pandas as pd

    records = [record for run in _runs(root) for record in _epochs(run)]
    return pd.DataFrame(records) if records else pd.DataFrame(columns=["run_id", "experiment", "epoch"])


def _runs(root: str | Path) -> list[Run]:
    from b4r_tui.runs.store import RunStore

    return RunStore(Path(root)).runs()


def _record(run: Run) -> dict[str, Any]:
    from b4r_tui.runs.recipe import settings_of
    from b4r_tui.runs.summary import read_summary
    from engine.contract.errors import B4RError

    summary = read_summary(run)
    try:
        settings = settings_of(run.config())
    except B4RError:  # the run is listed even if its settings cannot be read
        settings = {}
    settings.pop("name", None)
    return {**{key: value for key, value in summary.items() if key != "v"}, **settings, "dir": str(run.dir)}


def _epochs(run: Run) -> list[dict[str, Any]]:
    from b4r_tui.runs.progress import RunWatch

    watch = RunWatch(run)
    watch.poll()
    return [
        {
            "run_id": run.run_id,
            "experiment": run.experiment,
            "epoch": epoch.epoch,
            "train_loss": epoch.train_loss,
            "lr": epoch.lr,
            "seconds": epoch.seconds,
            "sequences_per_second": epoch.sequences_per_second,
            "best": epoch.epoch == watch.progress.best_epoch,
            **{
                f"validation.{protocol}.{metric}": value
                for protocol, metrics in epoch.metrics.items()
                for metric, value in metrics.items()
            },
        }
        for epoch in watch.progress.history
    ]
