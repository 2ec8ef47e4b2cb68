"""Environment of the rounds: runs roots, one of them on a small disk, a stand-in for torchrun, and the app."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b4r_tui.runs.queue.reorder import change_settings
from b4r_tui.runs.store import RunStore

REPOSITORY = Path(__file__).parents[2]
SMALL_DISK = "16m"
LAUNCH_SECONDS = 30.0  # for the app to show its experiments and start one


@dataclass
class World:
    """Environment of all rounds. folder: contains everything; small: a disk to fill, None if it cannot be mounted."""

    folder: Path
    small: Path | None = None
    references: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path) -> World:
        """Create a world in an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        world = cls(folder, _mount(folder / "small"))
        for path in (world.root, world.small_root):
            if path is not None:
                path.mkdir(mode=0o700)
                change_settings(RunStore(path), cpus=4)
        package = folder / "stand-in" / "torch" / "distributed"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").touch()
        (package / "__init__.py").touch()
        shutil.copy(REPOSITORY / "tests" / "b4r_tui" / "fake_torchrun.py", package / "run.py")
        return world

    @property
    def root(self) -> Path:
        """Return the runs root of most rounds."""
        return self.folder / "runs"

    @property
    def small_root(self) -> Path | None:
        """Return the runs root on the small disk."""
        return self.small / "runs" if self.small else None

    def roots(self) -> list[Path]:
        """Return all runs roots."""
        return [self.root, *([self.small_root] if self.small_root else [])]

    def environment(self, real: bool) -> dict[str, str]:
        """Return the environment of processes: with the stand-in for torchrun unless `real`."""
        paths = [str(REPOSITORY)] if real else [str(self.folder / "stand-in"), str(REPOSITORY)]
        added = {"PYTHONPATH": os.pathsep.join(paths), "B4R_GRACE": "20" if real else "2"}
        return {**os.environ, **added, "B4R_CACHE": str(self.folder / "cache"), "TERM": "xterm-256color"}

    @contextmanager
    def as_shell(self, real: bool) -> Iterator[None]:
        """Set this process's environment, which runs inherit, to `environment(real)`."""
        before = dict(os.environ)
        os.environ.update(self.environment(real))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def close(self) -> None:
        """Unmount the small disk."""
        if self.small is not None:
            subprocess.run(["umount", str(self.small)], check=False, capture_output=True)


def _mount(path: Path) -> Path | None:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=700", "chaos", str(path)]
    try:
        completed = subprocess.run(command, check=False, capture_output=True)
    except OSError:
        return None
    return path if completed.returncode == 0 else None


class App:
    """The program as a user starts it: `--run` without a terminal, or the app in a pseudo-terminal."""

    def __init__(self, world: World, root: Path, file: Path, real: bool, in_terminal: bool) -> None:
        command = [sys.executable, "-m", "b4r_tui", "--runs", str(root)]
        command += ["--file", str(file)] if in_terminal else ["--run", str(file), "--json"]
        self.in_terminal, self.raw = in_terminal, bytearray()
        env, folder = world.environment(real), str(world.folder)
        if not in_terminal:
            with (world.folder / "app.log").open("ab") as log:
                self.process = subprocess.Popen(
                    command, env=env, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
            return
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command, env=env, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()

    def launch(self, store: RunStore, name: str) -> None:
        """In a terminal: press `l` once the experiment is on screen, and wait for its run."""
        deadline = time.monotonic() + LAUNCH_SECONDS
        while name.encode() not in self.raw and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        self._type(b"l")
        while not store.runs_of(name) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the app a signal."""
        self.process.send_signal(number)

    def leave(self, seconds: float) -> bool:
        """Wait for the app to exit, after `q` in a terminal; return whether it did."""
        if self.in_terminal:
            self._type(b"q")
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        self.process.kill()
        self.process.wait()
        return False

    def _type(self, keys: bytes) -> None:
        with suppress(OSError):
            os.write(self._master, keys)

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._master, 65536):
                self.raw += data
