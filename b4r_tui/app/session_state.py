"""What the app remembers from one start to the next: theme, layout, notifications, the last selected experiment.

One JSON file in the platform's state folder. It is a convenience: one that is broken, of another version or out of
reach counts as empty, and never keeps the app from starting or ending.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.contract.atomic_files import read_json, write_json

VERSION = 1
MAX_FILES = 100  # experiments files whose last experiment is remembered, the newest


def state_folder() -> Path:
    """Return the folder of the session state and of crash logs, such as ~/.local/state/b4r-tui."""
    from platformdirs import user_state_path  # deferred

    return user_state_path("b4r-tui", appauthor=False)


class SessionState:
    """Values by name. `get` returns only what is valid; `put` stays in memory until `save`.

    fault: a sentence if there is a file that could not be used, else None.
    """

    def __init__(self, path: Path | None) -> None:
        """path: the file, None to remember nothing beyond this start."""
        self._path = path
        self._values, self.fault = _read(path)
        self._changes: dict[str, Any] = {}  # made by this app; other apps may write the file, too

    def get(self, name: str, is_valid: Callable[[Any], bool]) -> Any:
        """Return the value, or None if there is no valid one."""
        value = self._values.get(name)
        return value if value is not None and is_valid(value) else None

    def put(self, name: str, value: Any) -> bool:
        """Set a JSON value; return whether it differs from the one before."""
        if self._values.get(name) == value:
            return False
        self._values[name] = self._changes[name] = value
        return True

    def experiment(self, file: Path) -> str | None:
        """Return the experiment of a file that was selected last."""
        name = _dict(self._values.get("experiments")).get(str(file.absolute()))
        return name if isinstance(name, str) else None

    def put_experiment(self, file: Path, name: str) -> bool:
        """Set the selected experiment of a file; return whether it differs from the one before."""
        if self.experiment(file) == name:
            return False
        known = _dict(self._values.get("experiments"))
        known.pop(str(file.absolute()), None)
        known[str(file.absolute())] = name
        return self.put("experiments", dict(list(known.items())[-MAX_FILES:]))

    def save(self) -> None:
        """Write the changes into the file, atomically; what other apps wrote there stays."""
        changes, self._changes = self._changes, {}
        if self._path is None or not changes:
            return
        on_disk, _ = _read(self._path)
        if "experiments" in changes:
            changes["experiments"] = _dict(on_disk.get("experiments")) | changes["experiments"]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(self._path, {**on_disk, **changes, "v": VERSION})
        except (OSError, ValueError):
            return  # a full disk or a read-only home: the app works without


def _read(path: Path | None) -> tuple[dict[str, Any], str | None]:
    """Return the values of a file, or none and why those there are not used."""
    if path is None or not path.exists():
        return {}, None
    values = read_json(path)
    if values is None:
        why = "could not be read"
    elif values.get("v") != VERSION:
        why = f"has version {values.get('v')}, not {VERSION}"
    else:
        return values, None
    return {}, f"{path} {why}; the app starts with defaults, and overwrites it with the next change"


def _dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
