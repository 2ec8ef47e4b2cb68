"""The web server: textual-serve's, behind a guard, with a page that needs nothing from elsewhere."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from b4r_tui.web.guard import guard

PAGES = Path(__file__).parent / "pages"
GRACE = 0.5  # seconds for answers under way at the end; tabs never finish by themselves


class AppServer(Server):
    """Serves the page and its files, and runs a process for each tab, which ends with it."""

    def __init__(self, command: str, host: str, port: int, local: bool) -> None:
        """command: a tab's process, for a shell. local: only this machine is listened to."""
        super().__init__(command, host, port, title="b4r-tui", templates_path=PAGES)
        self._local = local

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def run(self, listener: socket.socket) -> None:
        """Serve on a bound socket until SIGINT or SIGTERM; then every tab's process is told to end."""
        web.run_app(self._make_app(), sock=listener, print=None, shutdown_timeout=GRACE)

    async def on_startup(self, app: web.Application) -> None:
        """Say where to look."""
        sys.stdout.write(f"The app is at {self.url} (Ctrl-C ends it; runs go on)\n")
        sys.stdout.flush()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(guard(self._local))
        return app
