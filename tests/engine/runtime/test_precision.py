"""The benchmark chooses bf16 if it is clearly faster, and is short on a machine where bf16 is very slow."""

import pytest
import torch

from engine.distributed.process_group import ProcessGroup
from engine.runtime.precision import bf16_gains, with_precision
from tests.builders import experiment_of


class Machine:
    """Pretends to be a machine on which calls take given times; counts its bf16 calls."""

    def __init__(self, fp32, bf16, first_bf16=0.0):
        self.fp32, self.bf16, self.setup, self.bf16_calls = fp32, bf16, first_bf16, 0

    def __call__(self, half):
        if not half:
            return self.fp32
        self.bf16_calls += 1
        return self.bf16 + (self.setup if self.bf16_calls == 1 else 0.0)


@pytest.mark.parametrize(
    ("fp32", "bf16", "first", "gains"),
    [
        (1e-3, 0.5e-3, 0.04, True),
        (1e-3, 0.9e-3, 0.0, False),
        (1e-3, 2e-3, 0.0, False),
    ],
)
def test_bf16_is_used_if_it_is_clearly_faster(fp32, bf16, first, gains):
    assert bf16_gains(Machine(fp32, bf16, first)) is gains


@pytest.mark.parametrize(("bf16", "calls"), [(0.1, 1), (6e-3, 2)])
def test_a_hopeless_bf16_is_dropped_at_its_first_slow_call(bf16, calls):
    machine = Machine(1e-3, bf16)
    assert not bf16_gains(machine)
    assert machine.bf16_calls == calls


@pytest.mark.parametrize("gains", [True, False])
@pytest.mark.parametrize(
    "groups",
    [{}, {"training": {"loss": "sampled"}}, {"training": {"loss": "gbce"}}, {"launch": {"mode": "dmp"}}],
    ids=["full", "sampled", "gbce", "dmp"],
)
def test_on_cpu_the_probe_decides_for_every_loss_and_mode(monkeypatch, groups, gains):
    timed = []

    def probe(seconds):
        timed.extend((seconds(False), seconds(True)))
        return gains

    monkeypatch.setattr("engine.runtime.precision.bf16_gains", probe)
    auto = experiment_of(**groups | {"training": {**groups.get("training", {}), "precision": "auto"}})
    chosen = with_precision(auto, ProcessGroup(0, 0, 1, torch.device("cpu"))).training.precision
    assert chosen == ("bf16" if gains else "fp32")
    assert len(timed) == 2 and all(each > 0 for each in timed)


def test_auto_becomes_a_number_format_and_leaves_the_random_numbers_alone():
    alone = ProcessGroup(0, 0, 1, torch.device("cpu"))
    before = torch.get_rng_state()
    auto = experiment_of(training={"precision": "auto"})
    assert with_precision(auto, alone).training.precision in ("fp32", "bf16")
    assert torch.equal(torch.get_rng_state(), before)
    for precision in ("fp32", "bf16"):
        set_by_hand = experiment_of(training={"precision": precision})
        assert with_precision(set_by_hand, alone) is set_by_hand
