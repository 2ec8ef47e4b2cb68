"""Fetching a data set from a server on this machine: whole, in two goes, wrong, unsafe, and not at all."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from b4r_tui.commands.main import main
from b4r_tui.experiments import datasets as fetching
from b4r_tui.experiments.datasets import ARCHIVES, TERMS, Archive, fetch
from engine.contract.config.data import DataConfig
from engine.contract.errors import B4RError, ExitCode
from engine.data.readers import READERS

ROWS = "".join(f"{user}\t{item}\t5\t{item}\n" for user in range(1, 200) for item in range(1, 200))


def zip_of(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


WHOLE = zip_of(**{"ml-100k/u.data": ROWS, "ml-100k/README": "terms", "other/x": "x"})


@dataclass
class Server:
    """Serves one archive, perhaps only the first bytes of it before it hangs up."""

    content: bytes
    stop_after: int | None = None
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    @property
    def archive(self) -> Archive:
        return Archive("ml-100k", hashlib.md5(self.content).hexdigest())


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.asked.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
            if self.path != "/ml-100k.zip":
                self.send_error(404)
            elif start >= len(server.content):
                self.send_error(416)
            else:
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(server.content) - start))
                self.end_headers()
                self.wfile.write(server.content[start : server.stop_after])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server(WHOLE)
    with HTTPServer(("127.0.0.1", 0), handler_of(serving)) as http:
        serving.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving
        http.shutdown()
        thread.join()


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=400)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_data_set_is_fetched_shown_its_terms_and_read(
    server: Server, console: Console, tmp_path: Path
) -> None:
    folder = fetch(server.archive, tmp_path / "sets", console, server.url)
    assert said(console).startswith(TERMS)
    assert folder == tmp_path / "sets" / "ml-100k"
    assert sorted(path.name for path in folder.iterdir()) == ["README", "u.data"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["ml-100k", "ml-100k.zip"]
    data = DataConfig(dataset_name="ml-100k", dataset_path=str(folder))
    assert len(READERS["ml-100k"].read(data)) == 199 * 199
    assert fetch(server.archive, tmp_path / "sets", console, server.url) == folder
    assert server.asked == [None], "what is there is not fetched again"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_where_it_stopped(
    server: Server, console: Console, tmp_path: Path, ranges: bool
) -> None:
    server.stop_after, server.ranges = 100_000, ranges
    with pytest.raises(
        B4RError, match=r"ml-100k\.zip could not be reached, or the connection broke; fetch again to resume"
    ) as caught:
        fetch(server.archive, tmp_path, console, server.url)
    assert caught.value.code is ExitCode.ENVIRONMENT
    have = (tmp_path / "ml-100k.zip.part").stat().st_size
    assert 0 < have <= 100_000
    server.stop_after = None
    assert (fetch(server.archive, tmp_path, console, server.url) / "u.data").read_text() == ROWS
    assert server.asked == [None, f"bytes={have}-"]
    assert not (tmp_path / "ml-100k.zip.part").exists()


def test_a_part_that_is_whole_is_taken_as_it_is(server: Server, console: Console, tmp_path: Path) -> None:
    (tmp_path / "ml-100k.zip.part").write_bytes(WHOLE)
    assert (fetch(server.archive, tmp_path, console, server.url) / "u.data").is_file()


def test_another_archive_than_published_is_thrown_away(
    server: Server, console: Console, tmp_path: Path
) -> None:
    with pytest.raises(B4RError, match="not the archive that GroupLens published") as caught:
        fetch(ARCHIVES["ml-100k"], tmp_path, console, server.url)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_leaves_its_folder_is_refused(server: Server, console: Console, tmp_path: Path) -> None:
    server.content = zip_of(**{"ml-100k/u.data": ROWS, "../evil": "x"})
    with pytest.raises(B4RError, match="has a path outside the archive"):
        fetch(server.archive, tmp_path / "sets", console, server.url)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["ml-100k.zip", "sets"]


def test_a_zip_without_the_data_file_is_told(server: Server, console: Console, tmp_path: Path) -> None:
    server.content = zip_of(**{"ml-100k/README": "terms"})
    with pytest.raises(B4RError, match=r"does not contain ml-100k/u\.data"):
        fetch(server.archive, tmp_path, console, server.url)


def test_a_server_that_lacks_it_is_told(server: Server, console: Console, tmp_path: Path) -> None:
    with pytest.raises(
        B4RError, match=r"sub/ml-100k\.zip answered with status 404; .* download ml-100k\.zip yourself into"
    ):
        fetch(server.archive, tmp_path, console, f"{server.url}/sub")


def test_a_zip_put_there_by_hand_needs_no_server(console: Console, tmp_path: Path) -> None:
    (tmp_path / "ml-100k.zip").write_bytes(WHOLE)
    assert (fetch(Server(WHOLE).archive, tmp_path, console, "http://127.0.0.1:9") / "u.data").is_file()


def test_offline_it_says_which_file_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(fetching.fetch, "__defaults__", (url,))
        assert main(["fetch", "ml-20m", "--into", str(tmp_path)]) == ExitCode.ENVIRONMENT
    *_, last = capsys.readouterr().err.splitlines()
    assert last == (
        f"b4r-tui: {url}/ml-20m.zip could not be reached, or the connection broke; fetch again to resume, or download "
        f"ml-20m.zip yourself into {tmp_path} (or its ratings.csv into {tmp_path / 'ml-20m'})"
    )


def test_a_file_in_place_of_the_folder_is_told(server: Server, console: Console, tmp_path: Path) -> None:
    (tmp_path / "sets").touch()
    with pytest.raises(B4RError, match=r"sets: cannot be written .* choose a folder with --into"):
        fetch(server.archive, tmp_path / "sets", console, server.url)


def test_an_unknown_data_set_is_answered_with_the_known_ones(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["fetch", "netflix"])
    assert "ml-20m" in capsys.readouterr().err


def test_the_command_says_where_it_is(tmp_path: Path, capsys) -> None:
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").touch()
    assert main(["fetch", "ml-1m", "--into", str(tmp_path)]) == ExitCode.OK
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'ml-1m'}: OK; set ")
