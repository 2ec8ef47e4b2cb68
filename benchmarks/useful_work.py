"""Counts the arithmetic that BERT4Rec's training needs, and measures how much the machine could do.

A step's useful work is counted in multiply-adds (two operations each): d = emb_dim, V = items, T = real tokens
of the batch (no padding), M = masked positions, len and m = tokens and masked positions of one sequence.

    each block but the last   12 d² T + 2 d Σ len²           query, key, value, output, feed-forward; attention
    the last block            2 d² T + 10 d² M + 2 d Σ len m  only masked positions are queries
    head and output           d² M + d V M                   logits at masked positions only

The backward pass has two products for each of these, by the weights and by the inputs, so a step is 3 × 2 × the
sum. Softmax, norms, dropout, look-ups, the optimiser and redundant work are not counted. The share of the peak
is therefore a lower bound of the utilisation of the arithmetic units.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

BACKWARD = 3  # a backward pass is two more products for each of the forward pass
GEMM = """\
import json, sys, time
import torch

size = int(sys.argv[1])
dtype = getattr(torch, sys.argv[2])
a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
times = []
for _ in range(6):
    start = time.perf_counter()
    a @ b
    times.append(time.perf_counter() - start)
print(json.dumps(2 * size**3 / min(times)))
"""


@dataclass(frozen=True)
class Work:
    """Size of a batch, or a mean over sequences, so numbers need not be integers."""

    tokens: float
    squared: float  # Σ len²
    masked: float
    attended: float  # Σ len × m

    def per_sequence(self, sequences: int) -> Work:
        """Return the mean per sequence."""
        return Work(*(value / sequences for value in (self.tokens, self.squared, self.masked, self.attended)))


def expected_work(lengths: np.ndarray, mask_prob: float) -> Work:
    """Return the expected work per window of these lengths, (windows,) int64, over random masks.

    Each item is masked with mask_prob, and one if none would be: m = p len + (1 - p) ^ len on average.
    """
    lengths = lengths.astype(np.float64)
    masked = mask_prob * lengths + (1.0 - mask_prob) ** lengths
    work = Work(*(float(v.sum()) for v in (lengths, lengths**2, masked, lengths * masked)))
    return work.per_sequence(len(lengths))


def flops(work: Work, num_items: int, emb_dim: int, num_layers: int) -> float:
    """Return the useful floating point operations of a training step over `work`, forward and backward."""
    d, first_blocks = emb_dim, num_layers - 1
    blocks = first_blocks * (12 * d**2 * work.tokens + 2 * d * work.squared)
    last = 2 * d**2 * work.tokens + 10 * d**2 * work.masked + 2 * d * work.attended
    head = d**2 * work.masked + d * num_items * work.masked
    return BACKWARD * 2.0 * (blocks + last + head)


def gemm_peak(threads: int, dtype: str = "float32", size: int = 4096) -> float:
    """Return operations per second of the fastest of six size × size matrix products, in a separate process."""
    command = [
        sys.executable,
        "-c",
        f"import torch; torch.set_num_threads({threads})\n{GEMM}",
        str(size),
        dtype,
    ]
    completed = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(completed.stdout))
