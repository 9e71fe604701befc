"""Fetching: from a folder and from a local server that knows ranges, cuts answers short, or sends something else."""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import re
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from course_lib.core.errors import ContractError, CourseError, DataError
from course_lib.core.tables import SCHEMAS
from course_lib.shop.loaders import data_command, fetching
from course_lib.shop.loaders.manifests import REDISTRIBUTION, File, Manifest, manifest, names

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
OTHER = b"short\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


class Server(http.server.ThreadingHTTPServer):
    """Serves ``contents`` by path; ``answers`` says what to do with each request, one after the other."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents = {"/big.bin": CONTENT, "/sub/small%20file.txt": OTHER}
        self.answers: list[str] = []
        self.log: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.log.append((self.path, wanted))
        how = self.server.answers.pop(0) if self.server.answers else "range"
        content = self.server.contents.get(self.path)
        if content is None or how == "404":
            return self.send_error(404)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        if how == "no ranges":
            start = 0
        elif start and (start >= len(content) or how == "416"):
            return self.send_error(416)
        body = content[start:]
        if how == "corrupt":
            body = bytes([body[0] ^ 1]) + body[1:]
        if how == "longer":
            body += b"x" * 5_000_000
        first = start + (7 if how == "other range" else 0)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: 100_000 if how == "cut" else 0 if how == "nothing" else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def file_of(name: str, content: bytes, url: str = "") -> File:
    return File(name, len(content), hashlib.sha256(content).hexdigest(), url)


def about(server=None, **changes) -> Manifest:
    url = server.url if server else "http://127.0.0.1:1"
    files = (
        file_of("big.bin", CONTENT, f"{url}/big.bin"),
        file_of("sub/small file.txt", OTHER, f"{url}/sub/small%20file.txt"),
    )
    fields = {"name": "test", "about": "", "url": "", "licence": "", "redistribution": "allowed", "citation": "",
              "files": files, "schema": {}, "rows": {}, "parts": "", "how": "Ask the publisher"}  # fmt: skip
    return Manifest(**{**fields, **changes})


def states(files) -> list[str]:
    return [file["state"] for file in files]


def whole(folder) -> bool:
    return (folder / "big.bin").read_bytes() == CONTENT and (folder / "sub" / "small file.txt").read_bytes() == OTHER


def no_parts(folder) -> bool:
    return not list(folder.rglob("*.part"))


def test_fetch_then_keep(server, tmp_path):
    seen = []
    assert states(fetching.fetch(about(server), tmp_path / "a", progress=lambda f, n: seen.append((f.name, n)))) == [
        "fetched", "fetched",
    ]  # fmt: skip
    assert whole(tmp_path / "a") and no_parts(tmp_path / "a")
    big = [n for name, n in seen if name == "big.bin"]
    assert big == sorted(big) and big[-1] == len(CONTENT) and len(big) > 1
    n_requests = len(server.log)
    assert states(fetching.fetch(about(server), tmp_path / "a")) == ["kept", "kept"]
    assert len(server.log) == n_requests


def test_a_cut_answer_is_gone_on_with(server, tmp_path):
    server.answers = ["cut", "cut", "range"]
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path)
    assert [r for path, r in server.log if path == "/big.bin"] == [None, "bytes=100000-", "bytes=200000-"]


def test_an_interrupted_fetch_goes_on_in_the_next_run(server, tmp_path):
    server.answers = ["cut", "nothing", "nothing", "nothing"]
    with pytest.raises(CourseError, match=r"the connection ended after 100,000 of 300,000 bytes.*Run the same command"):
        fetching.fetch(about(server), tmp_path)
    assert (tmp_path / ".big.bin.part").stat().st_size == 100_000 and not (tmp_path / "big.bin").exists()
    server.log.clear()
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path) and no_parts(tmp_path) and server.log[0] == ("/big.bin", "bytes=100000-")


@pytest.mark.parametrize("how", ["no ranges", "416", "other range"])
def test_servers_that_do_not_go_on(server, tmp_path, how):
    (tmp_path / ".big.bin.part").write_bytes(CONTENT[:1000])
    server.answers = [how] if how != "other range" else [how, "range"]
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path) and no_parts(tmp_path)


def test_a_part_of_something_else_is_fetched_whole(server, tmp_path):
    (tmp_path / ".big.bin.part").write_bytes(b"?" * 1000)
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path) and [r for p, r in server.log if p == "/big.bin"] == ["bytes=1000-", None]


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / ".big.bin.part").write_bytes(b"?" * 400_000)
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path) and server.log[0] == ("/big.bin", None)


@pytest.mark.parametrize("how", ["corrupt", "longer"])
def test_a_wrong_answer_never_replaces_a_file(server, tmp_path, how):
    (tmp_path / "big.bin").write_bytes(b"an older version")
    server.answers = [how]
    with pytest.raises(DataError, match=r"big.bin is not the published file: .* came, 300,000 with .* are expected"):
        fetching.fetch(about(server), tmp_path)
    assert (tmp_path / "big.bin").read_bytes() == b"an older version" and no_parts(tmp_path)
    fetching.fetch(about(server), tmp_path)
    assert whole(tmp_path)


def test_refused(server, tmp_path):
    server.answers = ["404"]
    with pytest.raises(CourseError, match=r"/big.bin: the server refused: 404 Not Found. .*--from DIR_OR_URL"):
        fetching.fetch(about(server), tmp_path)


def test_offline_is_one_clear_line(tmp_path):
    says = r"^127.0.0.1 can't be reached \(Connection refused\). Go online and"
    with pytest.raises(CourseError, match=says) as error:
        fetching.fetch(about(), tmp_path)
    assert "\n" not in str(error.value) and "--from DIR" in str(error.value)


def test_from_another_address(server, tmp_path):
    server.contents = {"/mirror/big.bin": CONTENT, "/mirror/sub/small%20file.txt": OTHER}
    fetching.fetch(about(), tmp_path, server.url + "/mirror")
    assert whole(tmp_path)


def test_from_a_folder(tmp_path):
    given = tmp_path / "given"
    (given / "sub").mkdir(parents=True)
    (given / "big.bin").write_bytes(CONTENT)
    with pytest.raises(DataError, match="small file.txt: no such file. Name a folder that holds all"):
        fetching.fetch(about(), tmp_path / "to", str(given))
    (given / "sub" / "small file.txt").write_bytes(b"shirt\n")
    with pytest.raises(DataError, match="small file.txt is not the published file"):
        fetching.fetch(about(), tmp_path / "to", str(given))
    (given / "sub" / "small file.txt").write_bytes(OTHER * 20)
    with pytest.raises(DataError, match="small file.txt is not the published file"):
        fetching.fetch(about(), tmp_path / "to", str(given))
    (given / "sub" / "small file.txt").write_bytes(OTHER)
    assert states(fetching.fetch(about(), tmp_path / "to", str(given))) == ["kept", "fetched"]
    assert whole(tmp_path / "to") and no_parts(tmp_path)


@pytest.mark.parametrize(
    ("source", "says"),
    [("ftp://x/y", "ftp:// is not read"), ("file:///etc", "file:// is not read"), ("nowhere/at/all", "no such folder"), ("", "--from is empty")],
)
def test_other_sources_are_refused(tmp_path, source, says):
    with pytest.raises(CourseError, match=says):
        fetching.fetch(about(), tmp_path, source)


def test_files_without_an_address(server, tmp_path):
    files = (about(server).files[0], file_of("sub/small file.txt", OTHER))
    lacking = about(files=files)
    says = r"small file.txt can't be fetched from the publisher. Ask the publisher. .*--from"
    with pytest.raises(CourseError, match=says):
        fetching.fetch(lacking, tmp_path)
    assert (tmp_path / "big.bin").read_bytes() == CONTENT  # what can be fetched is
    with pytest.raises(ContractError, match="test has no files to fetch. Ask the publisher"):
        fetching.fetch(about(files=()), tmp_path)


def test_no_space_and_no_folder(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CourseError, match="this is a file, not a folder"):
        fetching.fetch(about(server), tmp_path / "file")
    with pytest.raises(CourseError, match="can't write here"):
        fetching.fetch(about(server), tmp_path / "file" / "below")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CourseError, match=r"300,000 bytes are needed and 1,000 are free. .*--to DIR"):
        fetching.fetch(about(server), tmp_path / "a")


def test_a_full_disk_is_not_taken_for_the_connection(server, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "_flush", full)
    with pytest.raises(CourseError, match=r"can't write here \(No space left on device\)"):
        fetching.fetch(about(server), tmp_path)


def test_verify(tmp_path):
    (tmp_path / "big.bin").write_bytes(CONTENT[::-1])
    assert states(fetching.verify(about(), tmp_path)) == ["different", "missing"]
    (tmp_path / "big.bin").write_bytes(CONTENT)
    assert states(fetching.verify(about(), tmp_path)) == ["right", "missing"]
    with pytest.raises(CourseError, match="this is a file, not a folder"):
        fetching.verify(about(), tmp_path / "big.bin")
    with pytest.raises(CourseError, match="no such folder. Name the folder that holds the files of test"):
        fetching.verify(about(), tmp_path / "absent")


# --- the manifests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_every_manifest_is_whole(name):
    m = manifest(name)
    assert m.name == name and m.redistribution in REDISTRIBUTION and m.may_be_shown == (m.redistribution == "allowed")
    for text in (m.about, m.url, m.licence, m.citation):
        assert text and "\n" not in text
    assert m.url.startswith("https://")
    assert m.files or m.how
    assert m.how or all(file.url for file in m.files)  # what can't be fetched says what to do
    assert not m.how.endswith(".")
    for file in m.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.bytes > 0
        assert not file.url or file.url.startswith("https://")
        assert ".." not in file.name and not file.name.startswith("/")
    assert len({file.name for file in m.files}) == len(m.files)
    assert all(rows > 0 for rows in m.rows.values())
    if m.licence.startswith("none stated"):
        assert m.redistribution == "forbidden"


def test_manifests_are_the_files_of_the_package():
    from course_lib.shop.loaders import manifests, registry

    assert {f.stem for f in manifests._DATA.glob("*.json")} == set(names()) == set(registry._loaders())
    with pytest.raises(ContractError, match="no data set is called 'corus'; known are chorus.*Did you mean chorus"):
        manifest("corus")
    assert manifest("s3rec/Beauty") == manifest("s3rec")


# --- the command --------------------------------------------------------------------------------------------------


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    data_command.add_parser(parser.add_subparsers())
    options = parser.parse_args(["data", *arguments])
    return options.command(options)


def test_list(capsys):
    assert command("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(names())]] == list(names())
    wide = max(map(len, names()))
    for line in lines[: len(names())]:
        assert (line[wide + 10] == "*") != manifest(line.split()[0]).can_be_fetched
    assert command("list", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(names())


@pytest.mark.parametrize("name", names())
def test_info(capsys, name):
    assert command("info", name) == 0
    text = capsys.readouterr().out
    m = manifest(name)
    assert m.url in text and m.licence in text and m.redistribution in text and m.citation in text
    assert all(file.sha256 in text for file in m.files) and all(table in text for table in m.schema)
    assert command("info", name, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["redistribution"] == m.redistribution and told["bytes"] == m.bytes and "check" not in told
    for table in m.schema:  # of a table of the contract, only further columns are listed
        assert not set(m.schema[table]) & set(SCHEMAS.get(table, ()))


def test_info_checks_a_folder(capsys, tmp_path):
    assert command("info", "hillstrom", "--check", str(tmp_path)) == 1
    assert "Not as published: " in (out := capsys.readouterr().out) and f"--to {tmp_path}" in out
    assert command("info", "hillstrom", "--check", str(tmp_path), "--json") == 1
    assert json.loads(capsys.readouterr().out)["check"][0]["state"] == "missing"
    with pytest.raises(ContractError, match="of lightgcn no files are known to check against"):
        command("info", "lightgcn", "--check", str(tmp_path))


@pytest.mark.parametrize("action", ["info", "fetch"])
def test_a_part_is_not_fetched_alone(action):
    with pytest.raises(ContractError, match="'s3rec/Foo' names a part of s3rec; this command takes the whole. Say s3rec"):
        command(action, "s3rec/Foo")


@pytest.mark.parametrize("name", ["/data/gowalla", "./gowalla", "C:\\data\\gowalla", "", "~/gowalla"])
def test_a_folder_is_no_name(name):
    with pytest.raises(ContractError, match="is a folder, not the name of a data set.*The name comes first"):
        manifest(name)


def test_fetch_command(capsys, tmp_path, monkeypatch, server):
    from course_lib.shop.loaders import manifests

    monkeypatch.setattr(manifests, "manifest", lambda name: about(server))
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    assert command("fetch", "test") == 0
    out = capsys.readouterr().out
    assert "fetched  big.bin  300,000 bytes, sha256 verified" in out and "Shop.load('test')" in out
    assert whole(tmp_path / "home" / "data" / "test")
    assert command("fetch", "test", "--to", str(tmp_path / "there"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert states(told["files"]) == ["fetched", "fetched"] and whole(tmp_path / "there")
    several = replace(about(server), parts="A or B")
    monkeypatch.setattr(manifests, "manifest", lambda name: several)
    assert command("fetch", "test") == 0
    assert "Shop.load('test/PART'), where PART is A or B" in capsys.readouterr().out


def test_the_command_is_light():
    import subprocess
    import sys

    code = (
        "import argparse, sys; from course_lib.shop.loaders import data_command;"
        "p = argparse.ArgumentParser(); data_command.add_parser(p.add_subparsers());"
        "o = p.parse_args(['data', 'list']); o.command(o);"
        "heavy = {'numpy', 'torch', 'datasets', 'pyarrow', 'tqdm', 'urllib.request'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_sizes():
    assert [data_command._size(n) for n in (0, 999, 1000, 1_558_268, 1_160_144_273)] == [
        "0 B", "999 B", "1.0 kB", "1.6 MB", "1.2 GB",
    ]  # fmt: skip

