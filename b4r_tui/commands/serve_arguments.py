"""`b4r-tui serve`: the app in a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from b4r_tui.commands.command import Command

PORT = 8123


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="experiments file (experiments.toml)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="name or address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=_port, metavar="N", default=PORT, help=f"port to listen on; 0: any free one ({PORT})"
    )
    parser.add_argument(
        "--expose", action="store_true", help="allow a HOST that other machines reach; there is no password"
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 0 to 65535")
    return int(text)


def _serve(arguments: argparse.Namespace, root: Path) -> int:
    from b4r_tui.commands.serve import serve

    file = arguments.file or Path("experiments.toml")
    return serve(file, root, arguments.host, arguments.port, arguments.expose)


SERVE = Command("serve", "open the app to a browser on this machine", _serve, _add)
