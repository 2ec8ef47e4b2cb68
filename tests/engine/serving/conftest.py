"""A kind of run that other tests do not train."""

from pathlib import Path

import pytest

from tests.builders import experiment_of
from tests.engine.conftest import Train


@pytest.fixture(scope="session")
def dmp_run_of_one_rank(train: Train) -> Path:
    """A sharded run whose only rank has all shards."""
    settings = {"model": {"dropout": 0.0, "norm": "pre"}, "launch": {"mode": "dmp"}}
    return train(experiment_of(**settings), 1)
