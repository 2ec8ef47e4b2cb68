"""Search by Optuna: its sampler chooses points, its pruner judges epochs, a journal file records both."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b4r_tui.experiments.sweep.plan import Values
from b4r_tui.experiments.sweep.spaces import Choices, Space
from b4r_tui.experiments.sweep_points import Point, Sweep
from b4r_tui.runs.state import RunState
from b4r_tui.sweeps.trial import Trial, curve
from engine.contract.config.training import TrainingConfig
from engine.contract.errors import B4RError, ExitCode

if TYPE_CHECKING:
    import optuna

_PRUNED, _INVALID, _TORN, _RETRIES, _REPEATS = "pruned", "invalid", "torn", "retries", "repeats"


class OptunaSearch:
    """Drives a study stored in `folder` by Optuna's ask-and-tell interface.

    A trial is a function of the sampler's seed, its number and the results reported before it, so an interrupted search
    continues as if it had not been interrupted. retry: failed trials are run again.
    """

    planned = False

    def __init__(self, sweep: Sweep, folder: Path, retry: bool = False) -> None:
        self._optuna = _optuna()
        self._sweep, self._options = sweep, sweep.plan.options
        self.most: int | None = self._options.parallel
        self.scouts = self._options.prune is not None and len(sweep.plan.seeds) > 1
        self._distributions = {
            key: _distribution(self._optuna, space) for key, space in sweep.plan.spaces.items()
        }
        self._study = self._opened(folder / f"{sweep.plan.name}.log")
        self._fail_torn()
        if retry:
            self._retry()

    def known(self) -> list[Point]:
        """Return the points of all trials so far that have runs."""
        states, retried = self._optuna.trial.TrialState, self._retried()
        return [
            self._point(trial.number, trial.params)
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state is not states.WAITING
            and not trial.user_attrs.keys() & {_INVALID, _TORN, _REPEATS}
            and trial.number not in retried
        ]

    def next(self) -> Point | None:
        """Ask for one more point; None once there are as many trials as wanted."""
        while self._asked() < self._wanted():
            trial = self._ask()
            twin = self._twin(trial)
            if twin is not None:
                trial.set_user_attr(_REPEATS, twin.number)
                self._study.tell(trial, twin.value)
                continue
            try:
                return self._point(trial.number, trial.params)
            except B4RError as error:
                trial.set_user_attr(_INVALID, error.sentence)
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return None

    def why_prune(self, trial: Trial) -> str | None:
        """Report the epochs of the first seed, and return why the pruner stops it while it is running."""
        frozen = self._frozen(trial)
        if self._options.prune is None or frozen.state.is_finished():
            return None
        running = not trial.watches[0].state.ended
        asked = self._optuna.trial.Trial(self._study, frozen._trial_id)
        for epoch, value in curve(trial.watches[0], trial.point.experiments[0]).items():
            if epoch + 1 in frozen.intermediate_values:
                continue
            asked.report(value, epoch + 1)
            if running and asked.should_prune():
                why = f"pruned after epoch {epoch + 1}: {value:.4f} is bad by the {self._options.prune} rule"
                asked.set_user_attr(_PRUNED, why)
                return why
        return None

    def was_pruned(self, point: Point) -> str | None:
        """Return why the point was pruned, even if its run had not been stopped yet."""
        return self._study.get_trials(deepcopy=False)[point.number - 1].user_attrs.get(_PRUNED)

    def is_settled(self, point: Point) -> bool:
        """Return whether the study has the value of the point, or knows that it has none."""
        return bool(self._study.get_trials(deepcopy=False)[point.number - 1].state.is_finished())

    def report(self, trial: Trial) -> None:
        """Report the value of the trial, or that it was pruned or failed; an interrupted trial stays open."""
        states = self._optuna.trial.TrialState
        if self._frozen(trial).state.is_finished():
            return
        if trial.pruned:
            self._study.tell(trial.point.number - 1, state=states.PRUNED)
        elif trial.value is not None:
            self._study.tell(trial.point.number - 1, trial.value)
        elif trial.watches and trial.state in (RunState.FAILED.value, RunState.FINISHED.value):
            self._study.tell(trial.point.number - 1, state=states.FAIL)

    def _opened(self, path: Path) -> optuna.Study:
        """Return the study of this search: another space, seed or experiment is another study in the same file."""
        optuna = self._optuna
        try:
            _truncate_torn_line(path)
            backend = optuna.storages.journal.JournalFileBackend(str(path))
            return optuna.create_study(
                study_name=f"{self._sweep.plan.name}-{self._identity()}",
                storage=optuna.storages.JournalStorage(backend),
                pruner=self._pruner(),
                direction="maximize",
                load_if_exists=True,
            )
        except (OSError, ValueError, KeyError) as error:
            raise B4RError(
                f"{path}: optuna cannot read it ({error}); move it away and run the sweep again: its runs are reused",
                ExitCode.ENVIRONMENT,
            ) from error

    def _identity(self) -> str:
        spaces = {key: repr(space) for key, space in self._sweep.plan.spaces.items()}
        what = [
            spaces,
            self._sweep.base.settings,
            self._options.seeds,
            self._options.seed,
            self._options.prune,
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:12]

    def _pruner(self) -> optuna.pruners.BasePruner:
        pruners = self._optuna.pruners
        if self._options.prune == "median":
            return pruners.MedianPruner()
        if self._options.prune == "hyperband":
            return pruners.HyperbandPruner(min_resource=1, max_resource=_most_epochs(self._sweep))
        return pruners.NopPruner()

    def _ask(self) -> optuna.trial.Trial:
        """Return the next trial, from a sampler seeded for this trial only."""
        digest = hashlib.sha256(f"{self._options.seed}\0{self._asked()}".encode()).digest()
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=int.from_bytes(digest[:4], "big"), constant_liar=self._options.parallel > 1
        )
        return self._study.ask(fixed_distributions=self._distributions)

    def _point(self, number: int, params: dict[str, Any]) -> Point:
        return self._sweep.point(number + 1, _values(self._sweep.plan.spaces, params))

    def _frozen(self, trial: Trial) -> optuna.trial.FrozenTrial:
        return self._study.get_trials(deepcopy=False)[trial.point.number - 1]

    def _asked(self) -> int:
        states = self._optuna.trial.TrialState
        return sum(trial.state is not states.WAITING for trial in self._study.get_trials(deepcopy=False))

    def _wanted(self) -> int:
        """Return the number of trials wanted: one more for each that was torn or is run again."""
        more = sum(
            bool(trial.user_attrs.keys() & {_TORN, _RETRIES})
            for trial in self._study.get_trials(deepcopy=False)
        )
        return self._options.trials + more

    def _twin(self, trial: optuna.trial.Trial) -> optuna.trial.FrozenTrial | None:
        """Return an earlier trial of the same point that has a value, so that it need not run again."""
        complete = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
        mine = _values(self._sweep.plan.spaces, trial.params)
        return next(
            (each for each in complete if _values(self._sweep.plan.spaces, each.params) == mine), None
        )

    def _fail_torn(self) -> None:
        """Fail trials whose settings were not all written when the driver died."""
        states = self._optuna.trial.TrialState
        for trial in self._study.get_trials(states=(states.RUNNING,)):
            if trial.params.keys() != self._distributions.keys():
                self._optuna.trial.Trial(self._study, trial._trial_id).set_user_attr(_TORN, True)
                self._study.tell(trial.number, state=states.FAIL)

    def _retry(self) -> None:
        """Enqueue the points of failed trials again."""
        done = self._retried()
        for trial in self._study.get_trials(states=(self._optuna.trial.TrialState.FAIL,)):
            if trial.number not in done and not trial.user_attrs.keys() & {_TORN, _INVALID}:
                self._study.enqueue_trial(trial.params, user_attrs={_RETRIES: trial.number})

    def _retried(self) -> set[int]:
        trials = self._study.get_trials(deepcopy=False)
        return {trial.user_attrs[_RETRIES] for trial in trials if _RETRIES in trial.user_attrs}


def _most_epochs(sweep: Sweep) -> int:
    space = sweep.plan.spaces.get("training.num_epochs")
    if isinstance(space, Choices):
        return int(max(space.values))
    if space is not None:
        return int(space.high)
    default = TrainingConfig().num_epochs
    return int(sweep.base.settings.get("training", {}).get("num_epochs", default))


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise B4RError(
            'method = "optuna" needs optuna; run pip install \'b4r-tui[optuna]\', or use method = "random"',
            ExitCode.ENVIRONMENT,
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _distribution(optuna: Any, space: Space) -> Any:
    if isinstance(space, Choices):
        return optuna.distributions.CategoricalDistribution(_labels(space))
    if not space.whole:
        return optuna.distributions.FloatDistribution(space.low, space.high, space.log, space.step)
    step = int(space.step or 1)
    high = space.high if space.log else space.low + (int(space.count or 1) - 1) * step
    return optuna.distributions.IntDistribution(int(space.low), int(high), space.log, step)


def _labels(space: Choices) -> list[str]:
    """Return the choices as text, which Optuna can store whatever their types."""
    return [json.dumps(value) for value in space.values]


def _values(spaces: dict[str, Space], params: dict[str, Any]) -> Values:
    """Return the settings that Optuna's parameters encode."""
    return {
        key: space.values[_labels(space).index(params[key])]
        if isinstance(space, Choices)
        else space.rounded(params[key])
        for key, space in spaces.items()
    }


def _truncate_torn_line(path: Path) -> None:
    """Cut off an incomplete last line: the driver was killed while writing it."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
