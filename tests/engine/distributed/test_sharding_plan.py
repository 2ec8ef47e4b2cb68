"""The memory limit of a plan, and the constraints of a tied output."""

import psutil
import pytest
from pydantic import ValidationError

from engine.distributed.sharding_plan import machine_memory
from tests.builders import experiment_of


def test_a_control_group_lowers_the_memory_of_the_machine(tmp_path):
    limit, none = tmp_path / "memory.max", tmp_path / "none"
    limit.write_text("1000000\n")
    none.write_text("max\n")
    assert machine_memory([str(limit), str(none)]) == 1_000_000
    assert machine_memory([str(none), str(tmp_path / "missing")]) == psutil.virtual_memory().total


def test_a_tied_output_with_full_softmax_in_dmp_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="updates only rows that were looked up"):
        experiment_of(model={"tie_output": True}, launch={"mode": "dmp"})
    assert experiment_of(model={"tie_output": True}, launch={"mode": "ddp"}).model.tie_output
