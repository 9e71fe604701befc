"""Fetching a data set's files from the publisher, an address or a folder: resumed, verified, replaced atomically."""

from __future__ import annotations

import errno
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.files import unwritable
from course_lib.core.locks import locked
from course_lib.shop.loaders.folder import sha256_of
from course_lib.shop.loaders.manifests import File, Manifest

_BLOCK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte
_ATTEMPTS = 3  # connections in a row that bring nothing new
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EISDIR)
Progress = Callable[[File, int], None]  # the file, and how many of its bytes are here


def fetch(
    about: Manifest, folder: str | os.PathLike[str], source: str | None = None, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Bring all files of a data set into ``folder``; files that are there and right stay untouched.

    A file is written beside its place (``.NAME.part``) and takes it only when its size and sha256 are the manifest's.
    An interrupted download goes on from where it stopped when the server knows ranges, else from the start.

    Args:
        source: a folder with the files, or an address (http, https) below which they lie; ``None``: the publisher's.
        progress: called as bytes arrive.

    Returns:
        A list of {"name", "bytes", "state"}; state is "kept" or "fetched".

    Raises:
        ContractError: the data have no pinned files, or ``source`` is of another kind.
        CourseError: no connection, a refused request, no space; names what to do.
        DataError: what came is not the published file.
    """
    if not about.files:
        raise ContractError(f"{about.name} has no files to fetch", remedy=about.how)
    source = _checked(about, source)
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise CourseError("this is a file, not a folder", where=str(folder), remedy="Choose another folder")
    wanted = [file for file in about.files if not _is_right(folder / file.name, file)]
    given = [file for file in wanted if source or file.url]
    if given:
        with _writing(folder), locked(folder / ".fetch.lock"):
            for file in given:
                _fetch_one(file, folder / file.name, source, progress or (lambda *_: None))
    missing = [file.name for file in wanted if file not in given]
    if missing:
        what = f"{', '.join(missing)} can't be fetched from the publisher"
        remedy = f"{about.how}. A folder: course data fetch {about.name} --from DIR"
        raise CourseError(what, where=about.name, remedy=remedy)
    states = ("kept", "fetched")
    return [{"name": file.name, "bytes": file.bytes, "state": states[file in wanted]} for file in about.files]


def verify(about: Manifest, folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Each file of the manifest with its state in a folder: "right", "missing" or "different"."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "this is a file, not a folder" if folder.exists() else "no such folder"
        raise CourseError(what, where=str(folder), remedy=f"Name the folder that holds the files of {about.name}")
    states = []
    for file in about.files:
        path = folder / file.name
        state = "right" if _is_right(path, file) else "different" if path.exists() else "missing"
        states.append({"name": file.name, "bytes": file.bytes, "state": state})
    return states


def _checked(about: Manifest, source: str | None) -> str | None:
    if source is None:
        return None
    if not source.strip():
        raise ContractError("--from is empty", remedy="Give a folder or an http(s) address, or leave --from out")
    scheme = urllib.parse.urlsplit(source).scheme if "://" in source else ""
    if scheme in ("http", "https"):
        return source.rstrip("/") + "/"
    if scheme:
        raise ContractError(f"{scheme}:// is not read", where=source, remedy="Give a folder, or an http(s) address")
    if not Path(source).expanduser().is_dir():
        remedy = f"Name the folder that holds the files of {about.name}, or an http(s) address"
        raise CourseError("no such folder", where=source, remedy=remedy)
    return source


def _is_right(path: Path, file: File) -> bool:
    try:
        return path.stat().st_size == file.bytes and sha256_of(path)[0] == file.sha256
    except OSError:
        return False


def _fetch_one(file: File, target: Path, source: str | None, progress: Progress) -> None:
    part = target.with_name(f".{target.name}.part")
    with _writing(target.parent):
        if part.exists() and part.stat().st_size > file.bytes:
            part.unlink()  # of another version of the file
        _space(target.parent, file.bytes - (part.stat().st_size if part.exists() else 0))
        if source and "://" not in source:
            _copy(Path(source).expanduser() / file.name, part, file, progress)
            _verified(part, file, source)
        else:
            url = urllib.parse.urljoin(source, urllib.parse.quote(file.name)) if source else file.url
            resumed = part.exists()
            _download(url, part, file, progress)
            if resumed and sha256_of(part)[0] != file.sha256:  # the old part was of something else: once more, whole
                part.unlink()
                _download(url, part, file, progress)
            _verified(part, file, url)
        os.replace(part, target)


def _verified(part: Path, file: File, source: str) -> None:
    digest, size = sha256_of(part)
    if digest != file.sha256:
        part.unlink()
        what = f"{file.name} is not the published file: {size:,} bytes with sha256 {digest[:12]}… came"
        what += f", {file.bytes:,} with {file.sha256[:12]}… are expected"
        remedy = "Try again later, or get the file elsewhere and use --from DIR"
        if "://" not in source:
            remedy = "The copy is damaged or of another version: get the file anew"
        raise DataError(what, where=source, remedy=remedy)


def _copy(path: Path, part: Path, file: File, progress: Progress) -> None:
    if not path.is_file():
        deeper = sorted(path.parent.glob(f"*/{path.name}"))  # a parent of the right folder was named
        remedy = f"Use --from {deeper[0].parent}" if deeper else "Name a folder that holds all files of the data set"
        raise DataError("no such file", where=str(path), remedy=remedy)
    here = 0
    with open(path, "rb") as given, open(part, "wb") as written:
        while block := given.read(_BLOCK):
            written.write(block)
            here += len(block)
            progress(file, here)
            if here > file.bytes:
                break  # too long to be the file
        _flush(written)


def _download(url: str, part: Path, file: File, progress: Progress) -> None:
    """Bytes into ``part`` until it has the file's size; each connection goes on where the last one stopped."""
    idle, reason = 0, ""
    while (here := part.stat().st_size if part.exists() else 0) < file.bytes:
        if idle >= _ATTEMPTS:
            what = f"the connection ended after {here:,} of {file.bytes:,} bytes{reason}"
            raise CourseError(what, where=url, remedy="Run the same command again: it goes on from there")
        try:
            _receive(url, part, here, file, progress)
            reason = ""
        except (HTTPException, OSError) as error:
            if getattr(error, "errno", None) in _OURS and not isinstance(error, urllib.error.URLError):
                raise  # about the file that we write, not the connection
            if not here and not part.exists():
                raise _unreachable(url, error) from error
            reason = f" ({_why(error)})"
        after = part.stat().st_size if part.exists() else 0
        idle = 0 if after > here else idle + 1


def _receive(url: str, part: Path, here: int, file: File, progress: Progress) -> None:
    headers = {"User-Agent": "course-lib", "Accept-Encoding": "identity"}
    headers |= {"Range": f"bytes={here}-"} if here else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as answer:
            goes_on = here > 0 and answer.status == 206 and _starts_at(answer.headers.get("Content-Range", "")) == here
            if here and answer.status == 206 and not goes_on:
                raise HTTPException("the server answered with another range")
            with open(part, "ab" if goes_on else "wb") as written:
                here = here if goes_on else 0
                while here <= file.bytes and (block := answer.read(_BLOCK)):
                    written.write(block)
                    here += len(block)
                    progress(file, here)
                _flush(written)
    except urllib.error.HTTPError as error:
        if error.code == 416 and here:  # what is here is longer than what the server has: start again
            part.unlink()
            return
        remedy = "The publisher may have moved it: get the file elsewhere and use --from DIR_OR_URL"
        raise CourseError(f"the server refused: {error.code} {error.reason}", where=url, remedy=remedy) from error


def _starts_at(content_range: str) -> int:
    """The first byte of "bytes 100-199/200"; -1 for anything else."""
    first = content_range.removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() else -1


def _flush(written: BinaryIO) -> None:
    written.flush()
    os.fsync(written.fileno())


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _unreachable(url: str, error: Exception) -> CourseError:
    what = f"{urllib.parse.urlsplit(url).hostname} can't be reached ({_why(error)})"
    remedy = "Go online and run the command again, or give the files: --from DIR"
    return CourseError(what, remedy=remedy)


def _space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        what = f"{needed:,} bytes are needed and {free:,} are free"
        raise CourseError(what, where=str(folder), remedy="Choose a folder on another disk with --to DIR")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Make the folder, and turn the system's errors about our own files into one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise unwritable(folder, error) from error
