"""Where a run stands between two steps: all of it that is neither a weight nor an optimiser's state."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Position:
    """The step that comes next, and what the unfinished epoch has given so far.

    sums: of each rank, in order, its summed loss and its number of targets. seconds: spent on the epoch.
    Order, masks and dropout are drawn from (seed, epoch, step, rank), so that there is no other random state.
    """

    epoch: int = 0
    step: int = 0
    sums: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0

    def share(self, rank: int, world_size: int) -> tuple[float, int]:
        """The summed loss and the targets that `rank` goes on with; rank 0 takes all where there were other ranks."""
        if len(self.sums) == world_size:
            loss, targets = self.sums[rank]
        elif rank == 0 and self.sums:
            loss, targets = map(sum, zip(*self.sums, strict=True))
        else:
            loss, targets = 0.0, 0.0
        return loss, int(targets)
