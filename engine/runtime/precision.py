"""Decides what `precision = "auto"` is on this machine: bf16 where a short probe finds that it gains."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch

from engine.contract.config.experiment import Experiment
from engine.distributed.process_group import Group
from engine.model.thread_pool import single_threaded

GAIN = 1.2  # bf16 must be so many times faster, since its numbers are coarser
HOPELESS = 5.0  # slower than this at its first call, which may set up a kernel, and it is not tried again
FIRST_CALL_SECONDS = 0.05  # what setting up a kernel may cost
REPEATS = 5
MOST_SECONDS = 0.2  # a busy machine makes few repeats
CPU_FLOPS = (
    5e7  # work of one call on a CPU: 0.4 ms at 138 GFLOP/s, 40 ms at the 1.3 of bf16 without hardware for it
)
CUDA_TOKENS = 4096

Seconds = Callable[[bool], float]  # whether in bf16 → seconds of one call

log = logging.getLogger(__name__)


def with_precision(experiment: Experiment, group: Group) -> Experiment:
    """The experiment with `auto` replaced by fp32 or bf16. A collective: rank 0 measures for all."""
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
    """Whether bf16 is clearly faster, by the fastest of a few calls of each; gives up at a first call far too slow."""
    seconds(False)  # the first call of a shape sets up its kernels
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
    """Times the model's largest matmuls, those of a block's feed-forward, with as many tokens as a step has at most."""
    width, cuda = experiment.model.emb_dim, device.type == "cuda"
    most = CUDA_TOKENS if cuda else max(32, int(CPU_FLOPS / (16 * width**2)))
    tokens = min(experiment.training.train_batch_size * experiment.model.max_len, most)
    shapes = ((tokens, width), (4 * width, width), (width, 4 * width))
    made = {
        half: [
            torch.ones(shape, device=device).to(torch.bfloat16 if half else torch.float32) for shape in shapes
        ]
        for half in (False, True)
    }

    @torch.no_grad()
    def seconds(half: bool) -> float:
        vectors, widen, narrow = made[half]
        if cuda:
            torch.cuda.synchronize(device)
        with single_threaded():  # as each thread computes its chunks
            start = time.perf_counter()
            (vectors @ widen.t()) @ narrow.t()
            if cuda:
                torch.cuda.synchronize(device)
            return time.perf_counter() - start

    return seconds
