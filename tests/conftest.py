"""Fixtures of all tests: the folder of real data, and a separate data cache."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "no clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # a test must not fail because the machine is busy
hypothesis.settings.load_profile("no clock")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder with ml-100k, ml-1m and beauty; skip the test if there is none."""
    folder = Path(os.environ.get("B4R_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real data: {folder} does not exist; set B4R_TEST_DATA to the folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def data_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests, and processes that they start, away from the user's cache and state."""
    os.environ["B4R_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
