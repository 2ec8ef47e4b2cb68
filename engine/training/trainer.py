"""The training loop: epochs of masked batches, validation, checkpoints, early stopping."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from engine.contract.events import Checkpoint, Epoch, Metrics
from engine.contract.ranks.metrics import means
from engine.data.counter_rng import hashed
from engine.data.loader import Batch, TrainLoader
from engine.runtime.best_epoch import EpochSelection
from engine.runtime.run import RunContext
from engine.training.finite_loss import FiniteLossCheck
from engine.training.lr_schedule import lr_at
from engine.training.prefetch import prefetched
from engine.training.resume import Resumer
from engine.training.step_threads import threads_for_steps, torch_threads
from engine.training.train_state import TrainState


class Trainer:
    """Fits a run's model; `fit` writes one checkpoint per epoch and returns the best epoch."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._config = run, run.experiment.training
        self._loader = TrainLoader(
            run.dataset, run.experiment.model.max_len, self._config, run.group.rank, run.group.world_size
        )
        self._selection = EpochSelection(self._config, run.experiment.evaluation)
        self._resumer = Resumer(run, self._selection, self._loader.global_batch)
        self._threads = threads_for_steps(run.experiment, run.dataset.num_items)

    def fit(self) -> int:
        """Train until num_epochs or early stopping, starting from the last checkpoint of an earlier attempt.

        Raises B4RError where the loss is not finite; Stopped where a SIGTERM requested it and the run is saved.
        """
        start = self._resumer.restore()
        with self._resumer.preemption.sigterm_deferred():
            for epoch in range(start.epoch, self._config.num_epochs):
                if self._selection.exhausted:
                    break
                self._epoch(epoch, start if epoch == start.epoch else TrainState())
                self._resumer.stop_if_requested()
        return self._selection.best.epoch

    def _epoch(self, epoch: int, state: TrainState) -> None:
        start = time.monotonic() - state.seconds
        with torch_threads(self._threads):
            loss, speed = self._train(epoch, state)
        metrics = self._validate(epoch)
        self._save_weights(epoch)
        is_best = bool(metrics) and self._selection.update(epoch, metrics)
        event = Epoch(
            epoch=epoch,
            epochs=self._config.num_epochs,
            train_loss=loss,
            lr=self._lr(self._config.lr, epoch, self._loader.steps - 1),
            seconds=round(time.monotonic() - start, 3),
            sequences_per_second=round(speed, 1),
            metrics=metrics,
            best=is_best,
        )
        self._resumer.save_epoch(event)
        self._prune_checkpoints(epoch, is_best)
        self._run.report.event(event)

    def _train(self, epoch: int, state: TrainState) -> tuple[float, float]:
        """Pass over the samples from `state` on; return the mean loss per target, and sequences per second."""
        run, start = self._run, time.monotonic() - state.seconds
        run.model.objective.train()
        loss_so_far, targets = state.share(run.group.rank, run.group.world_size)
        total = torch.tensor(loss_so_far, dtype=torch.float64, device=run.group.device)
        finite = FiniteLossCheck(self._config, run.group, epoch, self._loader.steps)
        batches = self._loader.epoch(epoch, state.step)
        seeds = self._dropout_seeds(epoch)
        for step, batch in enumerate(
            prefetched(batches, run.group.device, self._loader.together), state.step
        ):
            self._seed_dropout(int(seeds[step]))
            self._set_lr(epoch, step)
            loss = self._step(batch)
            finite.add(step, loss)
            total += loss
            targets += len(batch.targets)
            if run.report.wants_progress:
                self._report_progress(epoch, step + 1, float(total) / max(targets, 1), start)
            if self._resumer.preemption.save_due:
                self._resumer.save_between_steps(epoch, step + 1, float(total), targets, start)
        loss_sum, target_sum = run.group.sum([float(total), float(targets)])
        return loss_sum / target_sum, self._loader.samples / (time.monotonic() - start)

    def _step(self, batch: Batch) -> Tensor:
        """Update the weights from a batch; return this rank's summed loss, detached.

        The gradient is that of the mean over the targets of all ranks: both DDP and TorchRec average over
        ranks, so each rank's sum is scaled by world size over all targets.
        """
        run, preemption = self._run, self._resumer.preemption
        all_targets, *votes = run.group.sum([float(len(batch.targets)), *preemption.votes()])
        preemption.count(*votes)
        weight = run.group.world_size / all_targets
        loss = run.model.objective(batch, weight)
        loss.backward()
        run.model.optimisers.step()
        return loss.detach().double() / weight

    def _set_lr(self, epoch: int, step: int) -> None:
        optimisers = self._run.model.optimisers
        optimisers.set_lrs([self._lr(base, epoch, step) for base in optimisers.base_lrs])

    def _lr(self, base_lr: float, epoch: int, step: int) -> float:
        return lr_at(base_lr, self._config, epoch, epoch * self._loader.steps + step)

    def _report_progress(self, epoch: int, done: int, loss: float, start: float) -> None:
        sequences = min(done * self._loader.global_batch, self._loader.samples)
        speed = round(sequences / (time.monotonic() - start), 1)
        self._run.report.progress(
            "train", epoch, done, self._loader.steps, loss=loss, sequences_per_second=speed
        )

    def _validate(self, epoch: int) -> Metrics:
        """Return validation metrics by protocol, the same on every rank; empty if this epoch has no validation."""
        evaluation, is_last = self._run.experiment.evaluation, epoch == self._config.num_epochs - 1
        if (epoch + 1) % evaluation.every and not is_last:
            return {}
        ranks = self._run.measure.model(
            self._run.model,
            "validate",
            lambda step, steps: self._run.report.progress("validate", epoch, step, steps),
        )
        mine = {protocol: means(rows, evaluation.metric_ks) for protocol, rows in ranks.items()}
        return self._run.group.broadcast(mine)

    def _save_weights(self, epoch: int) -> None:
        run = self._run
        weights = run.model.full_state()
        if run.group.is_first:
            path, size, seconds = run.checkpoints.save(epoch, weights, run.dataset)
            run.report.event(
                Checkpoint(
                    epoch=epoch, path=run.checkpoints.shown(path), bytes=size, seconds=round(seconds, 3)
                )
            )

    def _prune_checkpoints(self, epoch: int, is_best: bool) -> None:
        """Record the best epoch, and delete checkpoints beyond `keep_checkpoints`."""
        if self._run.group.is_first:
            if is_best:
                self._run.checkpoints.mark_best(epoch, self._selection.metric, self._selection.best.value)
            self._run.checkpoints.prune()

    def _dropout_seeds(self, epoch: int) -> np.ndarray:
        """Return the dropout seed of each step of an epoch, (steps,), from (seed, step, rank) alone."""
        steps = epoch * self._loader.steps + np.arange(self._loader.steps)
        return hashed(self._config.seed, "dropout", steps, self._run.group.rank) >> np.uint64(1)

    def _seed_dropout(self, seed: int) -> None:
        """Seed this rank's generators.

        torch.manual_seed would do, but without a GPU it records its caller's stack each time, in case one appears.
        """
        torch.default_generator.manual_seed(seed)
        if self._run.group.device.type == "cuda":
            torch.cuda.manual_seed(seed)
