"""Sizes of what a training step holds at once: the kernels work by them, and the memory estimate counts with them.

Torch-free, since the app estimates before a launch. Read the values at the time of use
(`kernel_sizes.CHUNK_TOKENS`), so that a test that changes one changes it for everybody.
"""

from __future__ import annotations

CHUNK_TOKENS = 4096  # per chunk on CPU: enough to keep calls few, few enough for the last level of a cache
MIN_CHUNK_TOKENS = 1024  # per thread with chunks of its own; with fewer, threads share each operation
BLOCK_LOGITS = 1 << 19  # per vocabulary block on CPU: 2 MiB in float32 stay in its cache between passes
CUDA_BLOCK_LOGITS = 1 << 26  # a GPU wants few large kernels; 256 MiB
RETAINED_LOGITS = 1 << 24  # up to 64 MiB of them wait for the second pass; more are computed again
DEFAULT_NEGATIVES = 256  # per step, with a sampled loss
