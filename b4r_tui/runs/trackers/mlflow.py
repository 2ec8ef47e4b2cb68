"""Logs a run to MLflow: settings as parameters, numbers by epoch, tags, and config.toml as an artifact."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a run's numbers are private

import sqlalchemy  # noqa: F401  MLflow imports it late; without it a file store would fail late
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from b4r_tui.runs.environment import read_environment
from b4r_tui.runs.store import Run
from b4r_tui.runs.trackers.numbers import Number
from engine.contract import run_folder

RUN_TAG = "b4r.run_id"  # identifies the run when it is logged again
_BATCH = 1000  # metrics per call, the maximum of MLflow
_MOST_PARAMS = 100  # per call; an experiment has fewer settings
_LONGEST = 6000  # characters of a parameter
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "lost": "FAILED", "stopped": "KILLED"}


class MLflow:
    """The MLflow run of one of our runs; logging it again only adds what is missing."""

    def __init__(self, run: Run, uri: str | None) -> None:
        self._run = run
        self._root = run.dir.parent.parent / ".mlflow"
        self._own_store = uri is None
        if uri is None:
            self._root.mkdir(mode=0o700, exist_ok=True)
        self._client = MlflowClient(tracking_uri=uri or f"sqlite:///{self._root / 'mlflow.db'}")
        self._id = self._find_or_create()
        self._logged = set(self._logged_before())
        self._describe()

    def put(self, numbers: Sequence[Number]) -> None:
        """Log the numbers that are missing."""
        new = [number for number in numbers if _key(number) not in self._logged]
        for start in range(0, len(new), _BATCH):
            batch = [
                Metric(metric_name(each.name), each.value, round(each.t * 1000), each.step)
                for each in new[start : start + _BATCH]
            ]
            self._client.log_batch(self._id, metrics=batch)
        self._logged |= {_key(number) for number in new}

    def close(self, state: str) -> None:
        """Record how the run ended."""
        self._client.set_tag(self._id, "b4r.state", state)
        self._client.set_terminated(self._id, _STATUS.get(state, "FAILED"))

    def _find_or_create(self) -> str:
        experiment = self._client.get_experiment_by_name(self._run.experiment)
        if experiment is None:
            place = (self._root / "artifacts" / self._run.experiment).as_uri() if self._own_store else None
            number = self._client.create_experiment(self._run.experiment, artifact_location=place)
        else:
            number = experiment.experiment_id
        known = self._client.search_runs([number], f"tags.`{RUN_TAG}` = '{self._run.run_id}'", max_results=1)
        if known:
            return str(known[0].info.run_id)
        tags = {RUN_TAG: self._run.run_id}
        return str(self._client.create_run(number, run_name=self._run.run_id, tags=tags).info.run_id)

    def _logged_before(self) -> Iterator[tuple[str, int, float]]:
        for name in self._client.get_run(self._id).data.metrics:
            for metric in self._client.get_metric_history(self._id, name):
                yield name, metric.step, metric.value

    def _describe(self) -> None:
        """Log settings, environment and the config file; existing values stay."""
        known = self._client.get_run(self._id).data.params
        settings = dict(_flat(self._run.config().model_dump(exclude_none=True)))
        params = [Param(key, value[:_LONGEST]) for key, value in settings.items() if key not in known]
        self._client.log_batch(self._id, params=params[:_MOST_PARAMS])
        for key in ("git_commit", "data_fingerprint", "split_fingerprint", "host", "device"):
            if value := read_environment(self._run.dir).get(key):
                self._client.set_tag(self._id, f"b4r.{key}", str(value))
        self._client.set_tag(self._id, "b4r.folder", str(self._run.dir))
        self._client.log_artifact(self._id, str(self._run.dir / run_folder.CONFIG))


def metric_name(name: str) -> str:
    """Return a name that MLflow accepts: `ndcg@10` is `ndcg_at_10` there."""
    return name.replace("@", "_at_")


def _key(number: Number) -> tuple[str, int, float]:
    return metric_name(number.name), number.step, number.value


def _flat(settings: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted settings with their values as text; variables of the ranks may be secrets and are omitted."""
    for key, value in settings.items():
        name = f"{above}{key}"
        if name == "launch.env":
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield name, str(value)
