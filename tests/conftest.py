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
# Tests that open the app or start processes, which take most of a second and more each: marked `slow`.
SLOW = (
    *("chaos", "compatibility", "e2e", "examples", "b4r_tui/app", "b4r_tui/commands", "b4r_tui/sweeps"),
    *("b4r_tui/runs", "b4r_tui/test_security.py", "b4r_tui/web", "docs/test_commands.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-fast` leaves out."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix()
        if place.startswith(SLOW):
            item.add_marker("slow")


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
