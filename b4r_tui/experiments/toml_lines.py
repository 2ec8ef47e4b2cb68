"""Lines of TOML text. `str.splitlines` also splits at U+0085, U+2028 and others, which TOML allows inside a line."""

from __future__ import annotations

import re


def toml_lines(text: str, keepends: bool = False) -> list[str]:
    r"""Return the lines of a TOML text, which end at \n or \r\n and nowhere else."""
    lines = [line for line in re.split(r"(?<=\n)", text) if line]
    return lines if keepends else [re.sub(r"\r?\n\Z", "", line) for line in lines]
