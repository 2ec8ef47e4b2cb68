"""Downloads a MovieLens archive with pooch, verifies its published hash, and unpacks it."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from engine.contract import archives
from engine.contract.data_files import DATA_FILES
from engine.contract.errors import B4RError, ExitCode

BASE_URL = "https://files.grouplens.org/datasets/movielens"
TERMS = (
    "MovieLens data belong to GroupLens at the University of Minnesota. They may be used for research under these "
    "terms: no redistribution and no commercial use without permission, no claim of endorsement, and a citation in "
    "publications (Harper and Konstan, 2015). The README in the archive holds the terms in full."
)
_BLOCK_BYTES = 1 << 16
_SECONDS = 30.0  # without a byte from the server until the download is given up


@dataclass(frozen=True)
class Archive:
    """An archive of GroupLens, with the MD5 from the .md5 file published next to it."""

    name: str
    md5: str

    @property
    def file_name(self) -> str:
        """Return the name of the zip file."""
        return f"{self.name}.zip"


ARCHIVES = {
    archive.name: archive
    for archive in (
        Archive("ml-100k", "0e33842e24a9c977be4e0107933c0723"),
        Archive("ml-1m", "c4d9eecfca2ab87c1945afe126590906"),
        Archive("ml-20m", "cd245b17a1ae2cc31bb14903e1204af3"),
    )
}


def fetch(archive: Archive, into: Path, console: Console, base_url: str = BASE_URL) -> Path:
    """Return the folder `into/NAME` with the files of the data set, downloading them if they are missing.

    The zip stays in `into`, so that an interrupted download resumes. Raises B4RError (environment) if the server cannot
    be reached, or sends something other than the published archive.
    """
    folder, data_file = into / archive.name, DATA_FILES[archive.name]
    if (folder / data_file).is_file():
        return folder
    console.print(TERMS)
    url = f"{base_url}/{archive.file_name}"
    try:
        into.mkdir(parents=True, exist_ok=True)
        return _unpack(_download(archive, url, into, console), folder, data_file)
    except requests.RequestException as error:
        raise _offline(archive, url, into, error) from error
    except OSError as error:
        raise B4RError(
            f"{into}: cannot be written ({error.strerror or error}); choose a folder with --into",
            ExitCode.ENVIRONMENT,
        ) from error


def _download(archive: Archive, url: str, into: Path, console: Console) -> Path:
    pooch.get_logger().setLevel("WARNING")
    part = into / f"{archive.file_name}.part"
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"md5:{archive.md5}",
            fname=archive.file_name,
            path=into,
            downloader=ResumingDownload(part, console),
        )
    except ValueError as error:  # raised by pooch if the hash differs
        part.unlink(missing_ok=True)
        raise B4RError(
            f"{url}: not the archive that GroupLens published (its MD5 is not {archive.md5}); "
            "the download was deleted; try again later or from another network",
            ExitCode.ENVIRONMENT,
        ) from error
    part.unlink(missing_ok=True)
    return Path(path)


@dataclass(frozen=True)
class ResumingDownload:
    """A downloader for pooch that resumes from the bytes an interrupted download left in `part`."""

    part: Path
    console: Console

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Complete `part`, then copy it to `output_file`. Raises requests.RequestException and OSError."""
        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_SECONDS) as response:
            if response.status_code != requests.codes.requested_range_not_satisfiable:
                response.raise_for_status()
                self._append(response, have if response.status_code == requests.codes.partial_content else 0)
        shutil.copyfile(self.part, output_file)

    def _append(self, response: requests.Response, have: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self.console) as bar, self.part.open("r+b" if have else "wb") as file:
            file.seek(have)
            task = bar.add_task(self.part.stem, total=total, completed=have)
            for block in response.iter_content(_BLOCK_BYTES):
                file.write(block)
                bar.advance(task, len(block))
        if total is not None and self.part.stat().st_size < total:
            raise requests.ConnectionError("the connection ended early")


def _unpack(path: Path, folder: Path, data_file: str) -> Path:
    """Unpack the archive's own folder to `folder`, atomically."""
    infos = [info for info in archives.members(path) if PurePosixPath(info.filename).parts[0] == folder.name]
    if not any(PurePosixPath(info.filename).name == data_file for info in infos):
        raise B4RError(f"{path}: does not contain {folder.name}/{data_file}; remove it and fetch again")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        with archives.opened_zip(path) as archive:
            for info in infos:
                _extract(archive, info, Path(temporary))
        if folder.exists():
            raise B4RError(f"{folder}: exists without {data_file}; remove it and fetch again")
        (Path(temporary) / folder.name).replace(folder)
    return folder


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path) -> None:
    target = place / info.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file)


def _offline(archive: Archive, url: str, into: Path, error: requests.RequestException) -> B4RError:
    status = error.response.status_code if error.response is not None else None
    why = f"answered with status {status}" if status else "could not be reached, or the connection broke"
    return B4RError(
        f"{url} {why}; fetch again to resume, or download {archive.file_name} yourself into {into} "
        f"(or its {DATA_FILES[archive.name]} into {into / archive.name})",
        ExitCode.ENVIRONMENT,
    )
