"""`python -m b4r_tui.web.tab FILE RUNS`: runs the app of one browser tab, which does not outlive the server."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from b4r_tui.app.app import run_app

PERIOD = 1.0  # seconds between two checks of the server


def main() -> int:
    """Run the app on standard input and output in textual-serve's protocol."""
    file, root = sys.argv[1:]
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    return run_app(Path(file), Path(root))


def end_with(parent: int) -> None:
    """Wait until the server is gone, even if it was killed; then quit the app, and kill its process if it hangs."""
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5 * PERIOD)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
