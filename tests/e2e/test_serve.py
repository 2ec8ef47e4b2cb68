"""`b4r-tui serve` shows the app in a real browser, refuses foreign requests, and leaves no process."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytest.importorskip("textual_serve", reason="`b4r-tui serve` needs the library textual-serve")

PROGRAM = str(Path(sys.executable).parent / "b4r-tui")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EXPERIMENTS = """\
[experiments.first-of-two]
data.dataset_name = "synthetic"
[experiments.second-of-two]
data.dataset_name = "synthetic"
"""
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
OPEN = "this.terminal.open("
SCREEN = """() => {
  const rows = window.shown ? window.shown.buffer.active : null;
  return rows ? Array.from({length: window.shown.rows}, (_, y) => rows.getLine(y).translateToString()).join("\\n") : "";
}"""


class Serving:
    """The program as a server on a free local port."""

    def __init__(self, folder: Path) -> None:
        command = [PROGRAM, "serve", "--port", "0"]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        assert match, "it did not print its address"
        self.url, self.port = match[0], int(match[1])

    def tabs(self) -> list[psutil.Process]:
        """Return the processes of open tabs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def status(self, path: str, **headers: str) -> int:
        """Return the status of a response; underscores in header names become hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            return connection.getresponse().status
        finally:
            connection.close()

    def open_socket(self) -> http.client.HTTPConnection:
        """Open a tab without a browser; closing the connection closes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/ws", headers=UPGRADE)
        assert connection.sock.recv(4096).startswith(b"HTTP/1.1 101 ")
        return connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    return tmp_path


@pytest.fixture
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    server = Serving(folder)
    yield server
    tabs = server.tabs() if server.process.poll() is None else []
    server.process.kill()
    server.process.wait()
    for tab in tabs:
        with suppress(psutil.NoSuchProcess):
            tab.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip(f"needs a browser: none of {', '.join(CHROMIUMS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="drives the browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a tab with its terminal as `window.shown`: the canvas that it draws on has no text."""
    page = browser.new_page(viewport={"width": 1300, "height": 800})
    page.route("**/textual.js", _expose_terminal)
    yield page
    page.close()


def _expose_terminal(route: Route) -> None:
    response = route.fetch()
    script = response.text()
    assert OPEN in script, "textual-serve has changed how it opens its terminal"
    route.fulfill(response=response, body=script.replace(OPEN, f"(window.shown=this.terminal),{OPEN}"))


def wait(condition: Callable[[], object], describe: Callable[[], str], seconds: float = 60.0) -> None:
    """Wait for a condition; fail with the message of `describe` if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.05)


def shows(page: Page, text: str) -> None:
    """Wait until the terminal in the page shows a text."""
    wait(lambda: text in page.evaluate(SCREEN), lambda: f"{text!r} did not appear:\n{page.evaluate(SCREEN)}")


def wait_until_gone(tabs: list[psutil.Process]) -> None:
    """Wait until processes are gone."""
    assert not psutil.wait_procs(tabs, timeout=30)[1]


# in a browser ------------------------------------------------------------------------------------


def test_the_page_shows_the_app_and_keys_reach_it(serving: Serving, page: Page) -> None:
    page.goto(serving.url)
    shows(page, "second-of-two")
    shows(page, "Press l to launch first-of-two")
    shows(page, "l Launch")  # the footer is drawn for an app that has the focus
    assert page.locator("#starting").is_hidden()
    page.keyboard.press("ArrowDown")
    shows(page, "Press l to launch second-of-two")


def test_the_terminal_takes_the_size_of_the_window(serving: Serving, page: Page) -> None:
    page.goto(serving.url)
    shows(page, "Press l to launch")
    columns = page.evaluate("window.shown.cols")
    page.set_viewport_size({"width": 800, "height": 800})
    wait(lambda: page.evaluate("window.shown.cols") < columns, lambda: "its columns did not change")
    shows(page, "first-of-two")


def test_the_page_loads_nothing_from_elsewhere(serving: Serving, page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(serving.url)
    shows(page, "first-of-two")
    assert len(requested) > 2
    assert [url for url in requested if not url.startswith((serving.url, "data:"))] == []


def test_closing_the_tab_ends_its_app_and_no_other(serving: Serving, browser: Browser, page: Page) -> None:
    page.goto(serving.url)
    shows(page, "first-of-two")
    first = serving.tabs()
    other = browser.new_page()
    other.goto(serving.url)
    wait(lambda: len(serving.tabs()) == len(first) + 1, lambda: f"{serving.tabs()}")
    page.close()
    wait_until_gone(first)
    assert len(serving.tabs()) == 1
    other.close()


def test_quitting_the_app_offers_to_open_it_again(serving: Serving, page: Page) -> None:
    page.goto(serving.url)
    shows(page, "Press l to launch")
    page.keyboard.press("q")
    page.get_by_role("button", name="Open again").click(timeout=60_000)
    shows(page, "Press l to launch")


def test_interrupting_the_server_leaves_no_process_and_informs_the_page(serving: Serving, page: Page) -> None:
    page.goto(serving.url)
    shows(page, "first-of-two")
    tabs = serving.tabs()
    assert tabs
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(30) == 0
    wait_until_gone(tabs)
    page.get_by_text("The app has ended").wait_for(timeout=60_000)


# without a browser -------------------------------------------------------------------------------


def test_interrupting_with_tabs_open_leaves_no_process(serving: Serving) -> None:
    sockets = [serving.open_socket() for _ in range(2)]
    wait(lambda: len(serving.tabs()) == 2, lambda: f"{serving.tabs()}")
    tabs = serving.tabs()
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(30) == 0
    wait_until_gone(tabs)
    for each in sockets:
        each.close()


def test_a_server_that_is_killed_leaves_no_process(serving: Serving) -> None:
    tab = serving.open_socket()
    wait(serving.tabs, lambda: "no process started")
    tabs = serving.tabs()
    serving.process.kill()
    wait_until_gone(tabs)
    tab.close()


@pytest.mark.parametrize("path", ["/", "/static/js/textual.js", "/ws"])
def test_a_host_name_of_another_machine_is_refused(serving: Serving, path: str) -> None:
    for host in ("evil.example", f"evil.example:{serving.port}", "localhost.evil.example", "192.0.2.1"):
        assert serving.status(path, Host=host, **UPGRADE) == 403
    assert serving.tabs() == []


def test_host_names_of_this_machine_are_accepted(serving: Serving) -> None:
    for host in ("localhost", f"localhost:{serving.port}", "127.0.0.1:9", "[::1]:8123"):
        assert serving.status("/", Host=host) == 200


def test_pages_of_other_sites_are_refused(serving: Serving) -> None:
    for origin in ("http://evil.example", f"http://localhost:{serving.port}", "http://127.0.0.1", "null"):
        assert serving.status("/ws", Origin=origin, **UPGRADE) == 403
    assert serving.tabs() == []
    assert serving.status("/ws", Origin=f"http://127.0.0.1:{serving.port}", **UPGRADE) == 101


def refused(folder: Path, *arguments: str) -> tuple[int, str]:
    """Return exit code and error of a server that does not start."""
    completed = subprocess.run(
        [PROGRAM, "serve", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert completed.stdout == ""
    return completed.returncode, completed.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "machine.example"])
def test_other_machines_are_refused_without_expose(folder: Path, host: str) -> None:
    code, error = refused(folder, "--port", "0", "--host", host)
    assert code == 2
    assert error.count("\n") == 1
    assert f"other machines can reach {host}" in error and "--expose" in error


def test_a_taken_port_is_reported_in_one_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, error = refused(folder, "--port", str(port))
    assert code == 3
    assert error.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in error and "choose another port" in error
