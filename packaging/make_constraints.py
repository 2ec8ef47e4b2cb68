"""Print the versions of the packages installed with this interpreter as constraints for pip.

A version that does not support all Pythons of the project is pinned only where it does, so that pip is free to choose
there. The project itself is left out, and so are packages that differ between CPU and CUDA; pyproject.toml pins those.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import distributions

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

MINORS = range(10, 14)  # Python 3.10 to 3.13
LEFT_OUT = {"b4r-tui", "torch", "torchrec", "fbgemm-gpu", "fbgemm-gpu-cpu", "pip", "setuptools"}
ABOUT = "# Versions that the tests passed with. Made by `make constraints` from .venv."


def constraints() -> Iterator[str]:
    """Yield one line per package, by name."""
    for each in sorted(distributions(), key=lambda each: canonicalize_name(each.name)):
        name = canonicalize_name(each.name)
        if name not in LEFT_OUT:
            yield f"{name}=={each.version.partition('+')[0]}{marker(each.metadata.get('Requires-Python'))}"


def marker(requires: str | None) -> str:
    """Return the environment marker for a version that requires these Pythons; empty where all will do."""
    allowed = SpecifierSet(requires or "")
    minors = [minor for minor in MINORS if allowed.contains(f"3.{minor}.99")]
    lowest = [f'python_version >= "3.{minors[0]}"'] if minors[0] != MINORS[0] else []
    highest = [f'python_version <= "3.{minors[-1]}"'] if minors[-1] != MINORS[-1] else []
    return " ; " + " and ".join([*lowest, *highest]) if lowest or highest else ""


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in (ABOUT, *constraints()))
