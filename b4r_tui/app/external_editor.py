"""Finds and runs the user's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the editor of $VISUAL or $EDITOR with its arguments. Raises B4RError if there is none."""
    for name in ("VISUAL", "EDITOR"):
        value = environment.get(name, "").strip()
        if not value:
            continue
        try:
            command = shlex.split(value)
        except ValueError as error:
            raise B4RError(f"${name} is {value!r}, which has an unclosed quote: {error}") from error
        if shutil.which(command[0]) is None:
            raise B4RError(
                f"${name} is {value!r}, but program {command[0]!r} was not found", ExitCode.ENVIRONMENT
            )
        return command
    raise B4RError("no editor is set; set $VISUAL or $EDITOR, e.g. EDITOR=nano", ExitCode.ENVIRONMENT)


def open_editor(command: list[str], file: Path) -> None:
    """Run the editor on a file until it is closed. Raises B4RError if it fails."""
    try:
        code = subprocess.run([*command, str(file)], check=False).returncode
    except OSError as error:
        raise B4RError(f"{command[0]}: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    if code:
        raise B4RError(f"{command[0]} exited with code {code}", ExitCode.ENVIRONMENT)
