"""Causes are recognised in texts that real programs wrote."""

from __future__ import annotations

import signal

import pytest

from b4r_tui.runs.crash.card import Cause
from b4r_tui.runs.crash.causes import cause_of
from b4r_tui.runs.crash.diagnosis import Failure
from b4r_tui.runs.crash.evidence import Evidence
from b4r_tui.runs.crash.steps import next_steps
from tests.builders import experiment_of

OUTPUT = [
    ("RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
     "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)", Cause.OUT_OF_MEMORY),
    ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array", Cause.OUT_OF_MEMORY),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.1 GiB",
     Cause.OUT_OF_GPU_MEMORY),
    ("RuntimeError: unable to write to file </torch_123_456>: No space left on device (28)\n"
     "RuntimeError: unable to open shared memory object </torch_123_456> in read-write mode", Cause.SHARED_MEMORY),
    ("OSError: [Errno 28] No space left on device", Cause.DISK_FULL),
    ("OSError: [Errno 122] Disk quota exceeded: 'events.jsonl'", Cause.DISK_FULL),
    ("RuntimeError: [enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0", Cause.DISK_FULL),
    ("the loss became nan in epoch 0, step 3 of 9 (both counted from 0), at learning rate 10", Cause.NO_NUMBER),
    ("torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: "
     "29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use", Cause.PORT_TAKEN),
    ("torch.distributed.elastic.rendezvous.api.RendezvousTimeoutError", Cause.RENDEZVOUS),
    ("torch.distributed.DistStoreError: Timed out after 3 seconds waiting for clients. 1/2 clients joined.",
     Cause.RENDEZVOUS),
    ("ModuleNotFoundError: No module named 'fbgemm_gpu'", Cause.ENVIRONMENT),
    ("/usr/bin/python: No module named torch", Cause.ENVIRONMENT),
    ("OSError: libcudart.so.12: cannot open shared object file: No such file or directory", Cause.ENVIRONMENT),
    ("Traceback (most recent call last):\nKeyError: 'x'", Cause.EXCEPTION),
    ("good bye", Cause.UNKNOWN),
]  # fmt: skip


def died(output: str = "", code: int | None = 1, number: int | None = None, **known: object) -> Evidence:
    failure = Failure(rank=1, code=code, signal=number, sentence=output, traceback=output)
    return Evidence(failure, experiment_of(), last_output=output, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(("output", "cause"), OUTPUT)
def test_a_cause_is_recognised_in_the_output(output: str, cause: Cause) -> None:
    assert cause_of(died(output))[0] is cause


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_next_step(cause: Cause) -> None:
    assert next_steps(cause, died())


@pytest.mark.parametrize(
    ("number", "oom", "cause", "words"),
    [
        (signal.SIGKILL, True, Cause.OUT_OF_MEMORY, "out-of-memory killer"),
        (signal.SIGKILL, False, Cause.KILLED, "another user or program"),
        (signal.SIGTERM, None, Cause.KILLED, "not sent by b4r-tui"),
        (signal.SIGSEGV, False, Cause.NATIVE_CRASH, "SIGSEGV"),
    ],
)
def test_a_signal_is_reported_with_its_sender(
    number: int, oom: bool | None, cause: Cause, words: str
) -> None:
    evidence = died("rank 1 was killed by SIGSEGV", None, number, oom=oom)
    found, sentence = cause_of(evidence)
    assert found is cause
    assert words in sentence


def test_steps_name_the_key_and_its_value() -> None:
    steps = " ".join(next_steps(Cause.OUT_OF_MEMORY, died()))
    assert "training.train_batch_size from 32 to 16" in steps
    assert "training.lr from 0.001 to 0.0001" in " ".join(next_steps(Cause.NO_NUMBER, died()))


def test_a_data_error_names_the_file_and_line_to_fix() -> None:
    error = "/data/bad.csv:2: item is missing; fix or remove the line"
    assert next_steps(Cause.DATA, died(error, 2, error=error)) == (
        "fix /data/bad.csv line 2, or change data.dataset_path",
    )
    assert next_steps(Cause.DATA, died())[0].startswith("fix the data,")


def test_bad_input_is_a_data_error_only_where_it_names_the_data() -> None:
    assert (
        cause_of(died("data.columns.item: too few", 2, error="data.columns.item: too few"))[0] is Cause.DATA
    )
    assert cause_of(died("model.x: no", 2, error="model.x: no"))[0] is Cause.SETTINGS
