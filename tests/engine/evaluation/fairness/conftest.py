"""Published reference values."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def oracles():
    return json.loads((Path(__file__).parent / "oracles.json").read_text())
