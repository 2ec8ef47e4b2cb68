"""All runs as pandas tables: `b4r_tui.results.load` and `load_epochs`, for notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from b4r_tui.runs.store import Run


def load(root: str | Path = "runs") -> pd.DataFrame:
    """A row a run, oldest first, under the index `run_id`.

    Columns: `experiment`, `state`, `seed` and what else the run's summary has, test metrics as
    `test.<protocol>.<metric>`; every setting by its dotted key, such as `training.lr`; and `dir`, the run folder.
    Times are unix seconds, epochs count from 0. No runs give an empty table.
    """
    import pandas as pd

    records = [_record(run) for run in _runs(root)]
    frame = pd.DataFrame(records) if records else pd.DataFrame(columns=["run_id", "experiment", "state"])
    return frame.set_index("run_id")


def load_epochs(root: str | Path = "runs") -> pd.DataFrame:
    """A row an epoch that is over: run_id, experiment, epoch (from 0), train_loss, lr, seconds,
    sequences_per_second, best, and validation metrics as `validation.<protocol>.<metric>`.
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
    except B4RError:  # a run whose settings cannot be read still ran
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
