"""Who may talk to the server: pages of its own, so that no other site in the same browser can drive the app."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def guard(local: bool) -> Middleware:
    """Turns away what comes from other sites' pages, and keeps ours from loading anything from elsewhere.

    A web page elsewhere can open a socket to 127.0.0.1, or let its own name lead there. The first has an Origin
    that is not the Host; the second a Host that is no name of this machine, which only counts where `local`.
    """

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if local and not names_this_machine(request.host):
            raise web.HTTPForbidden(text="b4r-tui: open it as localhost or 127.0.0.1\n")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="b4r-tui: pages of other sites may not come in\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return checked


def names_this_machine(host: str) -> bool:
    """Whether a Host header, with a port or without, names the machine that it is said to."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
