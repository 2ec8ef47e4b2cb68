"""What the first paint must not wait for."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "torch",
    "torchrec",
    "numpy",
    "pandas",
    "textual_plot",
    "tree_sitter",
    "tomlkit",
    "pydantic",
    "psutil",
)


def test_the_app_opens_without_anything_heavy() -> None:
    code = "import json, sys; import b4r_tui.app.app; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(HEAVY) & set(json.loads(done.stdout))
