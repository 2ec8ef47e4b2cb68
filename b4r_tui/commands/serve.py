"""`b4r-tui serve`: checks who may come in, takes a port, and serves until it is interrupted."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import sys
from pathlib import Path

from engine.contract.errors import B4RError, ExitCode

NEEDED = "the app in a browser needs the library textual-serve: pip install 'b4r-tui[serve]'"
WARNING = (
    "warning: there is no password. Whoever reaches {host}:{port} can change files and start programs as you; "
    "an SSH tunnel to a server on 127.0.0.1 is safe.\n"
)


def serve(file: Path, root: Path, host: str, port: int, expose: bool) -> int:
    """Serve the app on host:port (0: any free port) until Ctrl-C. The exit code.

    Raises B4RError where the library is missing, the port is taken, or the host is not this machine alone and
    `expose` does not allow that.
    """
    try:
        from b4r_tui.web.server import AppServer
    except ImportError as error:
        raise B4RError(NEEDED, ExitCode.ENVIRONMENT) from error
    if not (expose or is_local(host)):
        raise B4RError(
            f"{host} can be reached from other machines, and there is no password: "
            "leave --host out, or say --expose if you mean it"
        )
    listener = listen(host, port)
    port = listener.getsockname()[1]
    if not is_local(host):
        sys.stderr.write(WARNING.format(host=host, port=port))
    AppServer(tab_command(file, root), host, port, is_local(host)).run(listener)
    return ExitCode.OK


def is_local(host: str) -> bool:
    """Whether only this machine can reach a host's name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that a port that is taken is told before anything starts."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise B4RError(f"cannot listen on {host}: {error.strerror or error}", ExitCode.ENVIRONMENT) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise B4RError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another port, or --port 0 for any",
            ExitCode.ENVIRONMENT,
        ) from error
    return listener


def tab_command(file: Path, root: Path) -> str:
    """The shell command of a tab's process; `exec`, so that no shell stands between it and the server."""
    return "exec " + shlex.join([sys.executable, "-m", "b4r_tui.web.tab", str(file), str(root)])
