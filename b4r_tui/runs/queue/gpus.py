"""Lists the GPUs that runs may take, with the free memory that NVIDIA's library (pynvml, optional) reports."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from b4r_tui.common.machine import gpu_names

ENOUGH = 0.5  # share of a GPU's memory that must be free where launch.memory_gb is not set


@dataclass(frozen=True)
class Gpu:
    """A GPU by its name in CUDA_VISIBLE_DEVICES; its memory in bytes, None where unknown."""

    name: str
    free: int | None = None
    total: int | None = None

    def has_memory(self, memory_gb: float | None) -> bool:
        """Return whether the memory that a rank needs is free; unknown memory counts as free."""
        if self.free is None or self.total is None:
            return True
        return self.free >= (memory_gb * 1e9 if memory_gb else self.total * ENOUGH)


Probe = Callable[[], tuple[Gpu, ...]]


def probe() -> tuple[Gpu, ...]:
    """Return the GPUs of this machine now, most free memory first; () where there is no driver."""
    names = gpu_names()
    gpus = [Gpu(name, *memory) for name, memory in zip(names, _memories(names), strict=True)]
    return tuple(sorted(gpus, key=lambda gpu: -(gpu.free or 0)))


def loads() -> dict[str, float]:
    """Return the utilisation of each GPU, from 0 to 1; those that do not answer are omitted."""
    names = gpu_names()
    answers = zip(names, _ask_all(names, _load), strict=True)
    return {name: answer for name, answer in answers if answer is not None}


def _memories(names: tuple[str, ...]) -> list[tuple[int, int] | tuple[()]]:
    """Return (free, total) bytes of each GPU, () where the library, the driver or the GPU does not answer."""
    return [answer or () for answer in _ask_all(names, _memory)]


AnswerT = TypeVar("AnswerT")


def _ask_all(names: tuple[str, ...], question: Callable[[Any, Any], AnswerT]) -> list[AnswerT | None]:
    """Return the answer of NVIDIA's library for each GPU, None where it, the driver or the GPU does not answer."""
    if not names:
        return []
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # noqa: BLE001 (whatever keeps the library from working, there is a driver without it)
        return [None for _ in names]
    try:
        return [_ask(nvml, name, question) for name in names]
    finally:
        nvml.nvmlShutdown()


def _ask(nvml: Any, name: str, question: Callable[[Any, Any], AnswerT]) -> AnswerT | None:
    """Return the answer for one GPU. name: an index in PCI order, or a UUID."""
    try:
        by_index = name.isdecimal()
        handle = (
            nvml.nvmlDeviceGetHandleByIndex(int(name)) if by_index else nvml.nvmlDeviceGetHandleByUUID(name)
        )
        return question(nvml, handle)
    except nvml.NVMLError:
        return None


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return int(memory.free), int(memory.total)


def _load(nvml: Any, handle: Any) -> float:
    return float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
