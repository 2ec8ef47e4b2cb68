"""Recognises causes: each is a question to the evidence, and the first that matches becomes the card's."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

from b4r_tui.runs.crash.card import Cause
from b4r_tui.runs.crash.diagnosis import signal_name
from b4r_tui.runs.crash.evidence import Evidence
from engine.contract.config.data import GENERATED_DATASETS
from engine.contract.errors import ExitCode

Diagnosis = tuple[Cause, str]
Question = Callable[[Evidence], Diagnosis | None]

_GPU_MEMORY = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE
)
_MEMORY = re.compile(
    r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)|^(?:\w+\.)*MemoryError\b|std::bad_alloc|"
    r"Unable to allocate [\d.]+ \w+ for an array|Cannot allocate memory|\[Errno 12\]",
    re.MULTILINE,
)
_SHARED = re.compile(
    r"unable to (?:open|allocate|write|resize) (?:to )?(?:file in )?shared memory|/dev/shm.*No space left|"
    r"No space left on device.*?/dev/shm|insufficient shared memory|Error while creating shared memory|"
    r"unable to mmap \d+ bytes from file.*torch_",
    re.IGNORECASE,
)
_DISK = re.compile(
    r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]|PytorchStreamWriter failed writing file|"
    r"unexpected pos \d+ vs \d+"
)
_NO_NUMBER = re.compile(r"\bloss (?:became|is|was) (?:nan|[-+]?inf)\b", re.IGNORECASE)
_PORT = re.compile(r"Address already in use|EADDRINUSE|errno: 98\b")
_RENDEZVOUS = re.compile(
    r"Rendezvous(?:Timeout|Connection|Closed|State)?Error|rendezvous (?:timed out|timeout)|"
    r"Timed out (?:after \d+ seconds )?waiting for clients|store.*timed? ?out|"
    r"DistStoreError|DistNetworkError|wait timeout after \d+ms",
    re.IGNORECASE,
)
_IMPORT = re.compile(
    r"(?:ModuleNotFoundError|ImportError): .*|: No module named .*|undefined symbol: \S+|"
    r"cannot open shared object file.*|OSError: Could not load this library.*"
)
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE)


def cause_of(evidence: Evidence) -> Diagnosis:
    """Return the cause, and the card's sentence."""
    for question in _QUESTIONS:
        diagnosis = question(evidence)
        if diagnosis is not None:
            return diagnosis
    return Cause.UNKNOWN, evidence.sentence


def _gpu_memory(evidence: Evidence) -> Diagnosis | None:
    if evidence.first_match(_GPU_MEMORY):
        return Cause.OUT_OF_GPU_MEMORY, f"{_who(evidence)} ran out of GPU memory"
    return None


def _shared_memory(evidence: Evidence) -> Diagnosis | None:
    if evidence.first_match(_SHARED):
        return (
            Cause.SHARED_MEMORY,
            f"{_who(evidence)} could not allocate shared memory: /dev/shm is full or too small",
        )
    return None


def _allocation(evidence: Evidence) -> Diagnosis | None:
    """Recognise a refused allocation, e.g. under an address-space limit."""
    if evidence.first_match(_MEMORY):
        return (
            Cause.OUT_OF_MEMORY,
            f"{_who(evidence)} ran out of memory: the machine or a limit allowed no more",
        )
    return None


def _killed_for_memory(evidence: Evidence) -> Diagnosis | None:
    if evidence.failure.signal == signal.SIGKILL and evidence.oom:
        return (
            Cause.OUT_OF_MEMORY,
            f"{_who(evidence)} was killed by the kernel's out-of-memory killer (SIGKILL)",
        )
    return None


def _disk(evidence: Evidence) -> Diagnosis | None:
    line = evidence.first_match(_DISK)
    if line is None:
        return None
    what = "the disk quota is exceeded" if "quota" in line or "122" in line else "the disk is full"
    return Cause.DISK_FULL, f"{_who(evidence)} could not write: {what}" + (
        f" ({_short(line)})" if line else ""
    )


def _no_number(evidence: Evidence) -> Diagnosis | None:
    line = evidence.first_match(_NO_NUMBER)
    return (Cause.NO_NUMBER, evidence.error or _short(line)) if line else None


def _port(evidence: Evidence) -> Diagnosis | None:
    if evidence.first_match(_PORT):
        return Cause.PORT_TAKEN, "the rendezvous port is in use by another program"
    return None


def _rendezvous(evidence: Evidence) -> Diagnosis | None:
    line = evidence.first_match(_RENDEZVOUS)
    return (Cause.RENDEZVOUS, f"the rendezvous of the ranks timed out: {_short(line)}") if line else None


def _environment(evidence: Evidence) -> Diagnosis | None:
    line = evidence.first_match(_IMPORT)
    if line:
        return Cause.ENVIRONMENT, f"{_who(evidence)} could not import a dependency: {_short(line)}"
    if evidence.failure.code == ExitCode.ENVIRONMENT and evidence.error:
        return Cause.ENVIRONMENT, evidence.error
    return None


def _data(evidence: Evidence) -> Diagnosis | None:
    """Recognise the engine's own complaint about its input: about the data where it names them, else the settings."""
    if evidence.failure.code != ExitCode.BAD_INPUT or not evidence.error:
        return None
    data = evidence.experiment.data if evidence.experiment else None
    path = data.dataset_path if data and data.dataset_name not in GENERATED_DATASETS else None
    of_data = evidence.error.startswith("data.") or (path is not None and path in evidence.error)
    return (Cause.DATA if of_data else Cause.SETTINGS), evidence.error


def _killed(evidence: Evidence) -> Diagnosis | None:
    number = evidence.failure.signal
    if number is None or number in _CRASHES:
        return None
    if number != signal.SIGKILL:
        return (
            Cause.KILLED,
            f"{_who(evidence)} was killed by {signal_name(number)}, not sent by b4r-tui",
        )
    if evidence.oom is None:
        return Cause.KILLED, evidence.failure.sentence
    return (
        Cause.KILLED,
        f"{_who(evidence)} was killed by SIGKILL, sent neither by b4r-tui nor by the kernel's out-of-memory killer "
        "but by another user or program",
    )


def _native(evidence: Evidence) -> Diagnosis | None:
    if evidence.failure.signal in _CRASHES:
        return Cause.NATIVE_CRASH, evidence.failure.sentence
    return None


def _exception(evidence: Evidence) -> Diagnosis | None:
    if "Traceback (most recent call last)" in evidence.last_output or evidence.error:
        return Cause.EXCEPTION, evidence.sentence
    return None


_QUESTIONS: tuple[Question, ...] = (
    _gpu_memory,
    _shared_memory,
    _allocation,
    _killed_for_memory,
    _no_number,
    _disk,
    _data,
    _port,
    _rendezvous,
    _environment,
    _killed,
    _native,
    _exception,
)


def _who(evidence: Evidence) -> str:
    return "torchrun" if evidence.rank is None else f"rank {evidence.rank}"


def _short(line: str | None, most: int = 200) -> str:
    text = " ".join((line or "").split())
    return text if len(text) <= most else text[: most - 1] + "…"
