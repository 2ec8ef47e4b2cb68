"""The web server of textual-serve behind a guard, with a page that loads nothing from other sites."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from b4r_tui.web.guard import guard

PAGES = Path(__file__).parent / "pages"
GRACE = 0.5  # seconds for pending responses at the end; tabs never finish by themselves


class AppServer(Server):
    """Serves the page and its files, and runs one process per tab, which ends with the tab."""

    def __init__(self, command: str, host: str, port: int, local: bool) -> None:
        """command: the shell command of a tab's process. local: whether the server only listens to this machine."""
        super().__init__(command, host, port, title="b4r-tui", templates_path=PAGES)
        self._local = local

    @property
    def url(self) -> str:
        """The address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def run(self, listener: socket.socket) -> None:
        """Serve on a bound socket until SIGINT or SIGTERM, then terminate the tabs' processes."""
        web.run_app(self._make_app(), sock=listener, print=None, shutdown_timeout=GRACE)

    async def on_startup(self, app: web.Application) -> None:
        """Print the address."""
        sys.stdout.write(f"The app is at {self.url} (Ctrl-C stops it; runs continue)\n")
        sys.stdout.flush()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(guard(self._local))
        return app
