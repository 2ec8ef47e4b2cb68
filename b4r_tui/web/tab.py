"""`python -m b4r_tui.web.tab FILE RUNS`: the app of one browser tab, which does not outlive the server."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from b4r_tui.app.app import run_app

PERIOD = 1.0  # seconds between two looks


def main() -> int:
    """Run the app on its standard input and output, as textual-serve speaks there."""
    file, root = sys.argv[1:]
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    return run_app(Path(file), Path(root))


def end_with(parent: int) -> None:
    """Wait until the server is gone, should it be killed; then leave the app, and its process in any case."""
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5 * PERIOD)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
