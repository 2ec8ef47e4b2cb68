"""Callbacks that run only while the widget they belong to is on its screen.

Textual runs a callback of `call_after_refresh`, or of a timer, outside of the widget's own message loop. When the
screen closes in between, the widget has left the screen: `self.screen` raises NoScreen, and `query_one` finds nothing.
Every such callback in the app goes through `while_mounted`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.message_pump import MessagePump


def while_mounted(
    node: MessagePump, callback: Callable[..., Any], *args: Any, **kwargs: Any
) -> Callable[[], Any]:
    """Return a callback that calls `callback` with these arguments, or does nothing once `node` is being removed."""

    def run() -> Any:
        if node.is_running and node.is_attached:
            return callback(*args, **kwargs)
        return None

    return run
