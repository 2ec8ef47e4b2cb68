"""Resolves `precision = "auto"` on this machine: bf16 if a short benchmark finds it clearly faster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch

from engine.contract.config.experiment import Experiment
from engine.distributed.process_group import ProcessGroup
from engine.model.thread_pool import single_threaded

GAIN = 1.2  # how many times faster bf16 must be, since it is less precise
HOPELESS = 5.0  # how many times slower than fp32 ends the benchmark
FIRST_CALL_SECONDS = 0.05  # allowance for setting up a kernel at the first call
REPEATS = 5
MOST_SECONDS = 0.2  # limits the repeats on a busy machine
# work of one call on a CPU: 0.4 ms at 138 GFLOP/s, 40 ms at 1.3 GFLOP/s, as of bf16 without hardware support
CPU_FLOPS = 5e7
CUDA_TOKENS = 4096

Seconds = Callable[[bool], float]  # whether in bf16 → seconds of one call

log = logging.getLogger(__name__)


def with_precision(experiment: Experiment, group: ProcessGroup) -> Experiment:
    """Return the experiment with `auto` replaced by fp32 or bf16. A collective: rank 0 measures for all."""
    if experiment.training.precision != "auto":
        return experiment
    chosen = group.broadcast(_choose(experiment, group.device) if group.is_first else None)
    log.info("precision auto: %s", chosen)
    return experiment.model_copy(
        update={"training": experiment.training.model_copy(update={"precision": chosen})}
    )


def _choose(experiment: Experiment, device: torch.device) -> str:
    if device.type == "cuda" and not _has_bf16():
        return "fp32"
    return "bf16" if bf16_gains(_feed_forward_timer(experiment, device)) else "fp32"


def _has_bf16() -> bool:
    return torch.cuda.is_bf16_supported(including_emulation=False)


def bf16_gains(seconds: Seconds) -> bool:
    """Return whether bf16 is clearly faster, comparing the fastest of a few calls each; stops early if hopeless."""
    seconds(False)  # the first call with a shape sets up its kernels
    fp32 = seconds(False)
    if seconds(True) > HOPELESS * fp32 + FIRST_CALL_SECONDS:
        return False
    pairs = []
    for _ in range(REPEATS):
        pairs.append((seconds(False), seconds(True)))
        if pairs[-1][1] > HOPELESS * pairs[-1][0]:
            return False
        if sum(map(sum, pairs)) > MOST_SECONDS:
            break
    fastest = [min(times) for times in zip(*pairs, strict=True)]
    return fastest[0] > GAIN * fastest[1]


def _feed_forward_timer(experiment: Experiment, device: torch.device) -> Seconds:
    """Return a timer of the model's largest matmuls, a block's feed-forward, with at most a step's tokens."""
    width, cuda = experiment.model.emb_dim, device.type == "cuda"
    most = CUDA_TOKENS if cuda else max(32, int(CPU_FLOPS / (16 * width**2)))
    tokens = min(experiment.training.train_batch_size * experiment.model.max_len, most)
    shapes = ((tokens, width), (4 * width, width), (width, 4 * width))
    operands = {
        bf16: [
            torch.ones(shape, device=device).to(torch.bfloat16 if bf16 else torch.float32) for shape in shapes
        ]
        for bf16 in (False, True)
    }

    @torch.no_grad()
    def seconds(bf16: bool) -> float:
        vectors, widen, narrow = operands[bf16]
        if cuda:
            torch.cuda.synchronize(device)
        with single_threaded():  # as each thread computes its chunks
            start = time.perf_counter()
            (vectors @ widen.t()) @ narrow.t()
            if cuda:
                torch.cuda.synchronize(device)
            return time.perf_counter() - start

    return seconds
