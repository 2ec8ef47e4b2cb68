"""The k best items of each row of scores, collected block by block; only here does position break ties."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_NARROWEST_CELL = 16
_FEW_COLUMNS = 4096


class TopK:
    """Collects each row's k best items over blocks. Of equal scores the smaller item index comes first."""

    def __init__(self, k: int) -> None:
        self.k = k
        self._scores: Tensor | None = None
        self._items = torch.empty(0)

    def add(self, scores: Tensor, first: int) -> None:
        """Add a block of scores (rows, items), -inf for excluded items, in ascending order; `first`: its first item."""
        columns = top_k_columns(scores, self.k)
        best, items = scores.gather(1, columns), columns + first
        if self._scores is not None:
            best, items = torch.cat([self._scores, best], 1), torch.cat([self._items, items], 1)
        order = best.argsort(dim=1, descending=True, stable=True)[:, : self.k]
        self._scores, self._items = best.gather(1, order), items.gather(1, order)

    def items(self) -> Tensor:
        """Return the items, (rows, k) int32, best first, -1 where a row has fewer candidates."""
        assert self._scores is not None, "no block was added"
        items = self._items.masked_fill(self._scores == -torch.inf, -1)
        return torch.nn.functional.pad(items, (0, self.k - items.shape[1]), value=-1).int()

    def best(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and int64 items, (rows, k) each, -inf and -1 where a row has fewer candidates.

        like: (rows, …), a tensor with the dtype and device of scores, in case no block was added.
        """
        if self._scores is None:
            shape = (len(like), self.k)
            return like.new_full(shape, -torch.inf), torch.full(shape, -1, device=like.device)
        missing = (0, self.k - self._scores.shape[1])
        pad = torch.nn.functional.pad
        return pad(self._scores, missing, value=-torch.inf), pad(self._items, missing, value=-1)


def merge_top_k(scores: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """Merge several top-k: (parts, rows, k) scores and items → (rows, k) scores and int32 items, -1 for none.

    Items of a later part must be larger, so that of equal scores the smaller item comes first.
    """
    parts, rows, k = scores.shape
    flat, wide = (part.transpose(0, 1).reshape(rows, parts * k) for part in (scores, items))
    order = flat.argsort(dim=1, descending=True, stable=True)[:, :k]
    best = flat.gather(1, order)
    return best, wide.gather(1, order).masked_fill(best == -torch.inf, -1).int()


def top_k_columns(scores: Tensor, k: int) -> Tensor:
    """Return the columns of the k best scores, of equal ones the first: (rows, min(k, columns)) int64, ascending."""
    width = _cell_width(scores.shape[1], k)
    if width >= _NARROWEST_CELL:
        return _best_in_cells(scores, k, width)
    if k >= scores.shape[1]:
        return torch.arange(scores.shape[1], device=scores.device).repeat(len(scores), 1)
    best = scores.topk(k + 1, dim=1)  # one more shows whether the last of them ties with a score left out
    columns = best.indices[:, :k].sort(dim=1).values
    limit = best.values[:, k - 1 : k]
    tied = (limit == best.values[:, k:])[:, 0].nonzero()[:, 0]
    if len(tied):
        columns[tied] = _first_of_equals(scores[tied], limit[tied], k)
    return columns


def _best_in_cells(scores: Tensor, k: int, width: int) -> Tensor:
    """Do the same by sorting fewer scores: the k best are in the k cells of `width` columns with the best maxima.

    Any score in another cell has k better ones, the first maximum of each of these cells; of equal maxima the
    first cell counts as better, as of equal scores the first column.
    """
    rows = torch.arange(len(scores), device=scores.device)[:, None]
    whole = scores.shape[1] - scores.shape[1] % width
    cells = scores[:, :whole].unflatten(1, (-1, width))
    best = top_k_columns(cells.amax(2), k)
    remaining = torch.cat([cells[rows, best].flatten(1), scores[:, whole:]], 1)
    within = torch.arange(width, device=scores.device)
    columns = (best[:, :, None] * width + within).flatten(1)
    rest = torch.arange(whole, scores.shape[1], device=scores.device).expand(len(scores), -1)
    return torch.cat([columns, rest], 1).gather(1, top_k_columns(remaining, k))


def _cell_width(columns: int, k: int) -> int:
    """Return the columns per cell that balance the number of cells and of columns in chosen cells; 0 if few."""
    width = math.isqrt(columns // max(1, k)) // 16 * 16
    return width if columns >= _FEW_COLUMNS else 0


def _first_of_equals(scores: Tensor, limit: Tensor, k: int) -> Tensor:
    """Do the same where more than k scores reach the limit: take all above it, then the first that equal it."""
    above, equal = scores > limit, scores == limit
    missing = k - above.sum(1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(1) <= missing))
    return chosen.nonzero()[:, 1].view(len(scores), k)
