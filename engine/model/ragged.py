"""Sequences without padding: where their tokens lie, and the way to padded rows and back."""

from __future__ import annotations

from dataclasses import dataclass

import fbgemm_gpu  # noqa: F401  (registers torch.ops.fbgemm)
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Ragged:
    """How tokens lie in rows. offsets: (R + 1,) int64; longest: int; mask: (R, longest) bool or None.

    mask is False where a row is padding, and None where no row has any.
    """

    offsets: Tensor
    longest: int
    mask: Tensor | None

    @classmethod
    def of(cls, lengths: Tensor) -> Ragged:
        """Return the layout of rows of these lengths, (R,) int64."""
        offsets = functional.pad(lengths.cumsum(0), (1, 0))
        shortest, longest = (int(length) for length in lengths.aminmax())
        positions = torch.arange(longest, device=lengths.device)
        return cls(offsets, longest, None if shortest == longest else positions < lengths[:, None])

    def of_chosen(self, positions: Tensor) -> Ragged:
        """Return the layout of chosen tokens in the same rows. positions: (N,) int64 into the tokens, rising."""
        rows = torch.bucketize(positions, self.offsets[1:], right=True)
        return Ragged.of(torch.bincount(rows, minlength=len(self.offsets) - 1))

    def from_end(self, lengths: Tensor, tokens: int) -> Tensor:
        """Return each token's distance from the end of its row: (T,) int64, given the rows' lengths and their sum."""
        ends = self.offsets[1:].repeat_interleave(lengths, output_size=tokens)
        return ends - 1 - torch.arange(tokens, device=lengths.device)

    def pad(self, x_TD: Tensor) -> Tensor:
        """Return tokens as padded rows: (T, D) → (R, longest, D), zeros as padding."""
        if self.mask is None:
            return x_TD.view(len(self.offsets) - 1, self.longest, x_TD.shape[1])
        return torch.ops.fbgemm.jagged_to_padded_dense(x_TD, [self.offsets], [self.longest], 0.0)

    def unpad(self, x_RLD: Tensor, tokens: int) -> Tensor:
        """Return padded rows as tokens: (R, longest, D) → (T, D)."""
        if self.mask is None:
            return x_RLD.reshape(tokens, x_RLD.shape[2])
        return torch.ops.fbgemm.dense_to_jagged(x_RLD, [self.offsets], tokens)[0]
