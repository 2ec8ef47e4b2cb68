"""The training loop: epochs of masked batches, a validation, a checkpoint, and when to stop."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from engine.contract.events import Checkpoint, Epoch, Metrics
from engine.contract.ranks.metrics import means
from engine.data.counter_rng import hashed
from engine.data.loader import Batch, TrainLoader
from engine.runtime.best_epoch import Selection
from engine.runtime.run import Run
from engine.training.finite_loss import LossWatch
from engine.training.lr_schedule import rate_factor
from engine.training.prefetch import made_ahead
from engine.training.resume import Restart
from engine.training.step_threads import threads_for_steps
from engine.training.train_state import Position


class Trainer:
    """Fits a run's model; `fit` leaves a checkpoint an epoch and returns the best epoch."""

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.experiment.training
        self._loader = TrainLoader(
            run.dataset, run.experiment.model.max_len, self._config, run.group.rank, run.group.world_size
        )
        self._selection = Selection(self._config, run.experiment.evaluation)
        self._restart = Restart(run, self._selection, self._loader.global_batch)

    def fit(self) -> int:
        """Train until num_epochs or early stopping, from where an earlier attempt was saved last.

        Raises B4RError where the loss is no number; Stopped where a SIGTERM asked for it and the run is saved.
        """
        position = self._restart.restore()
        with self._restart.pauses.listening():
            for epoch in range(position.epoch, self._config.num_epochs):
                if self._selection.exhausted:
                    break
                self._epoch(epoch, position if epoch == position.epoch else Position())
                self._restart.stop_if_asked()
        return self._selection.best.epoch

    def _epoch(self, epoch: int, position: Position) -> None:
        start = time.monotonic() - position.seconds
        with threads_for_steps(self._run.experiment, self._run.dataset.num_items):
            loss, speed = self._train(epoch, position)
        metrics = self._validate(epoch)
        self._save(epoch)
        best = bool(metrics) and self._selection.update(epoch, metrics)
        event = Epoch(
            epoch=epoch,
            epochs=self._config.num_epochs,
            train_loss=loss,
            lr=self._config.lr * rate_factor(self._config, epoch, (epoch + 1) * self._loader.steps - 1),
            seconds=round(time.monotonic() - start, 3),
            sequences_per_second=round(speed, 1),
            metrics=metrics,
            best=best,
        )
        self._restart.epoch_done(event)
        self._keep(epoch, best)
        self._run.report.event(event)

    def _train(self, epoch: int, position: Position) -> tuple[float, float]:
        """A pass over the samples, from `position` on: the mean loss a target, and sequences a second of all ranks."""
        run, start = self._run, time.monotonic() - position.seconds
        run.model.objective.train()
        before, targets = position.share(run.group.rank, run.group.world_size)
        total = torch.tensor(before, dtype=torch.float64, device=run.group.device)
        watch = LossWatch(self._config, run.group, epoch, self._loader.steps)
        made = self._loader.epoch(epoch, position.step)
        batches = made_ahead(made, run.group.device, self._loader.together)
        seeds = self._dropout_seeds(epoch)
        for step, batch in enumerate(batches, position.step):
            so_far = epoch * self._loader.steps + step
            self._seed_dropout(int(seeds[step]))
            run.model.optimisers.schedule(rate_factor(self._config, epoch, so_far))
            loss = self._step(batch)
            watch.add(step, loss)
            total += loss
            targets += len(batch.targets)
            if run.report.wants_progress:
                seen = min((step + 1) * self._loader.global_batch, self._loader.samples)
                run.report.progress(
                    "train",
                    epoch,
                    step + 1,
                    self._loader.steps,
                    loss=float(total) / max(targets, 1),
                    sequences_per_second=round(seen / (time.monotonic() - start), 1),
                )
            if self._restart.pauses.due:
                self._restart.pause(epoch, step + 1, float(total), targets, start)
        loss_sum, target_sum = run.group.sum([float(total), float(targets)])
        return loss_sum / target_sum, self._loader.samples / (time.monotonic() - start)

    def _step(self, batch: Batch) -> Tensor:
        """Update the weights from a batch. Returns this rank's summed loss, detached.

        The gradient is that of the mean over the targets of all ranks: both DDP and TorchRec average over
        ranks, so each rank's sum is scaled by world size over all targets.
        """
        run = self._run
        all_targets, *votes = run.group.sum([float(len(batch.targets)), *self._restart.pauses.votes()])
        self._restart.pauses.hear(*votes)
        weight = run.group.world_size / all_targets
        loss = run.model.objective(batch, weight)
        loss.backward()
        run.model.optimisers.step()
        return loss.detach().double() / weight

    def _validate(self, epoch: int) -> Metrics:
        """Validation metrics by protocol, the same on every rank; empty if this epoch has no validation."""
        evaluation, last = self._run.experiment.evaluation, epoch == self._config.num_epochs - 1
        if (epoch + 1) % evaluation.every and not last:
            return {}
        ranks = self._run.measure.model(
            self._run.model,
            "validate",
            lambda step, steps: self._run.report.progress("validate", epoch, step, steps),
        )
        mine = {protocol: means(found, evaluation.metric_ks) for protocol, found in ranks.items()}
        return self._run.group.broadcast(mine)

    def _save(self, epoch: int) -> None:
        run = self._run
        weights = run.model.whole_state()
        if run.group.is_first:
            path, size, seconds = run.checkpoints.save(epoch, weights, run.dataset)
            run.report.event(
                Checkpoint(
                    epoch=epoch, path=run.checkpoints.shown(path), bytes=size, seconds=round(seconds, 3)
                )
            )

    def _keep(self, epoch: int, best: bool) -> None:
        """Note the best epoch and drop checkpoints that are no longer wanted."""
        if self._run.group.is_first:
            if best:
                self._run.checkpoints.mark_best(epoch, self._selection.metric, self._selection.best.value)
            self._run.checkpoints.prune()

    def _dropout_seeds(self, epoch: int) -> np.ndarray:
        """A seed for the dropout of each step of an epoch, (steps,), from (seed, step, rank) alone."""
        steps = epoch * self._loader.steps + np.arange(self._loader.steps)
        return hashed(self._config.seed, "dropout", steps, self._run.group.rank) >> np.uint64(1)

    def _seed_dropout(self, seed: int) -> None:
        """Seed this rank's generators.

        torch.manual_seed would do it too, but where there is no GPU it notes its caller's stack for one each time.
        """
        torch.default_generator.manual_seed(seed)
        if self._run.group.device.type == "cuda":
            torch.cuda.manual_seed(seed)
