"""The position of a run between two steps: everything but weights and optimiser states."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TrainState:
    """The next step, and the running totals of the unfinished epoch.

    sums: for each rank, its summed loss and its number of targets. seconds: spent on the epoch. Order, masks and
    dropout are drawn from (seed, epoch, step, rank), so there is no other random state to save.
    """

    epoch: int = 0
    step: int = 0
    sums: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0

    def share(self, rank: int, world_size: int) -> tuple[float, int]:
        """Return the summed loss and targets that `rank` resumes with; rank 0 takes all if the world size changed."""
        if len(self.sums) == world_size:
            loss, targets = self.sums[rank]
        elif rank == 0 and self.sums:
            loss, targets = map(sum, zip(*self.sums, strict=True))
        else:
            loss, targets = 0.0, 0.0
        return loss, int(targets)
