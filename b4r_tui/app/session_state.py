"""What the app remembers from one start to the next: theme, layout, notifications, the experiment looked at last.

One JSON file in the state folder of the platform. It is a convenience: one that is broken, of another version or out
of reach counts as empty, and never keeps the app from starting or ending.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.contract.atomic_files import read_json, write_json

VERSION = 1
KEPT_FILES = 100  # experiments files whose last experiment is kept, the newest


def state_folder() -> Path:
    """Where the app keeps what it remembers and logs of crashes, such as ~/.local/state/b4r-tui."""
    from platformdirs import user_state_path

    return user_state_path("b4r-tui", appauthor=False)


class Remembered:
    """Values by name. `get` takes only what `fits`; `put` is kept in memory until `save`.

    fault: a sentence where there is a file that could not be used, else None.
    """

    def __init__(self, path: Path | None) -> None:
        """path: the file, None to remember nothing beyond this start."""
        self._path = path
        self._values, self.fault = _read(path)
        self._news: dict[str, Any] = {}  # what this app has changed; other apps may write the file, too

    def get(self, name: str, fits: Callable[[Any], bool]) -> Any:
        """The value, or None where there is none that fits."""
        value = self._values.get(name)
        return value if value is not None and fits(value) else None

    def put(self, name: str, value: Any) -> bool:
        """Remember a value that JSON has; whether it is new."""
        if self._values.get(name) == value:
            return False
        self._values[name] = self._news[name] = value
        return True

    def experiment(self, file: Path) -> str | None:
        """The experiment of a file that was looked at last."""
        name = _table(self._values.get("experiments")).get(str(file.absolute()))
        return name if isinstance(name, str) else None

    def put_experiment(self, file: Path, name: str) -> bool:
        """Remember the experiment of a file that is looked at; whether it is another one."""
        if self.experiment(file) == name:
            return False
        known = _table(self._values.get("experiments"))
        known.pop(str(file.absolute()), None)
        known[str(file.absolute())] = name
        return self.put("experiments", dict(list(known.items())[-KEPT_FILES:]))

    def save(self) -> None:
        """Write what is new into the file, in one step; what other apps wrote there stays."""
        news, self._news = self._news, {}
        if self._path is None or not news:
            return
        on_disk, _ = _read(self._path)
        if "experiments" in news:
            news["experiments"] = _table(on_disk.get("experiments")) | news["experiments"]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(self._path, {**on_disk, **news, "v": VERSION})
        except (OSError, ValueError):
            return  # a full disk or a read-only home: the app works without


def _read(path: Path | None) -> tuple[dict[str, Any], str | None]:
    """The values of a file, or none and why those there are not used."""
    if path is None or not path.exists():
        return {}, None
    values = read_json(path)
    if values is None:
        why = "could not be read"
    elif values.get("v") != VERSION:
        why = f"is of version {values.get('v')}, not {VERSION}"
    else:
        return values, None
    return {}, f"{path} {why}; the app starts as if new, and replaces it with the next change"


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
