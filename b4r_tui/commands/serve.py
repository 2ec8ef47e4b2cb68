"""`b4r-tui serve`: serves the app to a browser on this machine until it is interrupted."""

from __future__ import annotations

import argparse
import ipaddress
import shlex
import socket
import sys
from pathlib import Path

from b4r_tui.commands.command import Context, print_message
from engine.contract.errors import B4RError, ExitCode

PORT = 8123
NEEDED = "serve needs the package textual-serve: pip install 'b4r-tui[serve]'"
WARNING = (
    "warning: there is no password. Anyone who can reach {host}:{port} can change files and start programs as you; "
    "an SSH tunnel to a server on 127.0.0.1 is safe."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --file, --host, --port and --expose."""
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="experiments file (default experiments.toml)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="host to listen on (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=_port, metavar="N", default=PORT, help=f"port, 0 for any free one (default {PORT})"
    )
    parser.add_argument(
        "--expose",
        action="store_true",
        help="allow a HOST that other machines can reach; there is no password",
    )


def run(arguments: argparse.Namespace, context: Context) -> ExitCode:
    """Serve the app until Ctrl-C.

    Raises B4RError if the library is missing, the port is taken, or other machines can reach the host and
    --expose is not given.
    """
    try:
        from b4r_tui.web.server import (
            AppServer,  # an optional library, and the app's process has no use for it
        )
    except ImportError as error:
        raise B4RError(NEEDED, ExitCode.ENVIRONMENT) from error
    host, local = arguments.host, is_local(arguments.host)
    if not (arguments.expose or local):
        raise B4RError(
            f"other machines can reach {host}, and there is no password; omit --host, or add --expose to allow it"
        )
    listener = listen(host, arguments.port)
    port = listener.getsockname()[1]
    if not local:
        print_message(WARNING.format(host=host, port=port))
    command = tab_command(arguments.file or Path("experiments.toml"), context.root)
    AppServer(command, host, port, local).run(listener)
    return ExitCode.OK


def is_local(host: str) -> bool:
    """Return whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket, so that a port in use is reported before anything starts. Raises B4RError."""
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket_type, protocol)
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
    """Return the shell command of a tab's process; `exec` leaves no shell between it and the server."""
    return "exec " + shlex.join([sys.executable, "-m", "b4r_tui.web.tab", str(file), str(root)])


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 0 to 65535")
    return int(text)
