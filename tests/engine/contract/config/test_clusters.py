"""Settings of several machines: what is refused, at which key, and that none can inject a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.contract.config.clusters import SlurmConfig
from engine.contract.config.experiment import Experiment
from engine.contract.config.launch import LaunchConfig
from engine.contract.config.validation import problems_of
from engine.train import with_fewer_nodes
from tests.builders import experiment_of


@pytest.mark.parametrize(
    ("launch", "key", "words"),
    [
        ({"j": "2x1"}, "launch.hosts", "needs 2 hosts, but none is listed"),
        ({"j": "3x1", "hosts": ["a", "b"]}, "launch.hosts", "2 are listed; list 3"),
        ({"hosts": ["a", "b"]}, "launch.hosts", 'remove the hosts, or write j = "2x1"'),
        ({"j": "2x1", "hosts": ["a", "a"]}, "launch.hosts", "listed twice"),
        ({"j": "2x1", "hosts": ["a", "-oProxyCommand=x"]}, "launch.hosts", "is not a valid host"),
        ({"j": "2x1", "hosts": ["a"], "scheduler": "slurm"}, "launch.hosts", "assigns the nodes itself"),
        ({"j": "3:2x1", "scheduler": "slurm"}, "launch.j", "write MIN:NODESxPROCESSES"),
        ({"rdzv_port": 29400}, "launch.rdzv_port", "needs no rendezvous"),
        ({"max_restarts": 1}, "launch.max_restarts", "needs several nodes"),
        ({"scheduler": "slrm"}, "launch.scheduler", "did you mean 'slurm'?"),
        ({"scheduler": "torchx:a b"}, "launch.scheduler", "is not a valid scheduler"),
        ({"slurm": {}}, "launch.slurm", "has no effect"),
        ({"scheduler": "slurm", "torchx": {}}, "launch.torchx", "has no effect"),
        (
            {"scheduler": "slurm", "slurm": {"partion": "x"}},
            "launch.slurm.partion",
            "did you mean 'partition'?",
        ),
        ({"scheduler": "slurm", "slurm": {"gres": "gpu:1"}}, "launch.slurm.gres", "launch.gpu = 0"),
        ({"scheduler": "slurm", "gpu": 1, "j": "1x2"}, "launch.gpu", "need one GPU each"),
        ({"scheduler": "slurm", "slurm": {"mem": "lots"}}, "launch.slurm.mem", "is not a valid size"),
        (
            {"scheduler": "slurm", "slurm": {"extra": ["-N4"]}},
            "launch.slurm.extra",
            "is not a valid sbatch flag",
        ),
        (
            {"scheduler": "slurm", "slurm": {"extra": ["--wrap=x"]}},
            "launch.slurm.extra",
            "set by the launcher",
        ),
    ],
)
def test_incompatible_settings_are_refused_at_their_key(launch: dict, key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        experiment_of(launch=launch)
    (problem,) = problems_of(caught.value, Experiment)
    assert problem.key == key
    assert words in problem.sentence


@given(st.text(max_size=30), st.sampled_from(["partition", "account", "qos", "constraint", "gres", "mem"]))
def test_no_setting_of_slurm_can_leave_its_line_or_reach_a_shell(text: str, key: str) -> None:
    try:
        SlurmConfig.model_validate({key: text})
    except ValidationError:
        return
    assert text.isascii() and not set(text) & set(" \t\n\r\"'`$;<>\\#!") and not text.startswith("-")


@given(st.text(max_size=30))
def test_no_flag_can_leave_its_line_either(text: str) -> None:
    for flag in (text, f"--{text}", f"--nice={text}"):
        try:
            SlurmConfig.model_validate({"extra": [flag]})
        except ValidationError:
            continue
        assert flag.startswith("--") and not set(flag) & set(" \t\n\r\"'`$;<>\\#!")


def test_the_shape_of_a_job() -> None:
    launch = LaunchConfig(j="2:3x4", hosts=["a", "b", "c"])
    assert (launch.min_nodes, launch.nodes, launch.processes, launch.ranks) == (2, 3, 4, 12)
    assert launch.restarts == 3
    assert LaunchConfig(j="1x4").restarts == 0


def test_an_elastic_run_keeps_its_steps_or_is_refused() -> None:
    launch = {"j": "1:2x1", "hosts": ["a", "b"]}
    experiment = experiment_of(launch=launch)
    batch = experiment.training.train_batch_size
    assert with_fewer_nodes(experiment, 2) is experiment
    assert with_fewer_nodes(experiment, 1).training.train_batch_size == 2 * batch
    fixed = experiment_of(launch={"j": "2x1", "hosts": ["a", "b"]})
    assert with_fewer_nodes(fixed, 1) is fixed
    with pytest.raises(ValidationError, match="do not divide evenly among 2 of 3 nodes"):
        experiment_of(training={"train_batch_size": 3}, launch={"j": "2:3x1", "hosts": ["a", "b", "c"]})
