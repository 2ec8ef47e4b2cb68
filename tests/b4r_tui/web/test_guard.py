"""What the guard says to a request, on a server for this machine alone and on one that others reach."""

from __future__ import annotations

import pytest

pytest.importorskip("aiohttp", reason="comes with textual-serve")

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from b4r_tui.commands.serve import is_local
from b4r_tui.web.guard import guard, names_this_machine


async def answer(local: bool, **headers: str) -> tuple[int, str, str | None]:
    """Status, text and policy of a page behind the guard."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="the page")

    app = web.Application(middlewares=[guard(local)])
    app.router.add_get("/", page)
    async with TestClient(TestServer(app)) as client, client.get("/", headers=headers) as got:
        return got.status, await got.text(), got.headers.get("Content-Security-Policy")


async def test_a_page_comes_with_headers_that_keep_others_out() -> None:
    status, text, policy = await answer(True)
    assert (status, text) == (200, "the page")
    assert policy is not None and "frame-ancestors 'none'" in policy and "default-src 'self'" in policy


async def test_any_name_will_do_where_other_machines_come_in() -> None:
    assert (await answer(False, Host="machine.example:8123"))[0] == 200
    assert (await answer(True, Host="machine.example:8123"))[0] == 403


@pytest.mark.parametrize("local", [True, False])
async def test_another_sites_page_is_refused_everywhere(local: bool) -> None:
    status, text, _ = await answer(local, Host="localhost:8123", Origin="http://evil.example")
    assert status == 403 and "other sites" in text
    assert (await answer(local, Host="localhost:8123", Origin="http://localhost:8123"))[0] == 200


@pytest.mark.parametrize(
    "origin", ["null", "", "http://[x", "http://localhost:8123@evil.example", "localhost:8123"]
)
async def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    assert (await answer(True, Host="localhost:8123", Origin=origin))[0] == 403


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.8.8:80", "[::1]", "[::1]:8123"]
)
def test_names_of_this_machine(name: str) -> None:
    assert names_this_machine(name)


@pytest.mark.parametrize(
    "name", ["", "evil.example", "localhost.evil.example", "10.0.0.1:80", "0.0.0.0", "a@b", "[x"]
)
def test_names_that_are_not(name: str) -> None:
    assert not names_this_machine(name)


def test_what_only_this_machine_reaches() -> None:
    assert all(map(is_local, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_local, ("0.0.0.0", "::", "192.0.2.1", "machine.example", "")))
