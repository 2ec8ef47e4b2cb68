"""Restricts the server to its own pages, so that other sites in the same browser cannot control the app."""

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
    """Return a middleware that rejects requests from other sites' pages and stops ours from loading foreign content.

    Another site's page can open a socket to 127.0.0.1, or let its own name resolve to it. The first has an Origin
    that is not the Host; the second a Host that is not a name of this machine, which is only checked if `local`.
    """

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if local and not names_this_machine(request.host):
            raise web.HTTPForbidden(text="b4r-tui: open it as localhost or 127.0.0.1\n")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="b4r-tui: requests from pages of other sites are rejected\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return checked


def names_this_machine(host: str) -> bool:
    """Return whether a Host header, with or without a port, names this machine's loopback interface."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
