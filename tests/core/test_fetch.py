"""Downloads from a server that closes connections, ignores ranges or lacks the file."""

import hashlib
import io
import shutil
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lemur_core.errors import FetchError
from lemur_core.fetch import Fetching, fetch, fetch_archive, unpack

CONTENT = bytes(range(256)) * 4096
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if begin >= len(content) and self.server.ranges and asked:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if asked and self.server.ranges:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            content = content[begin:]
        else:
            self.send_response(200)
        if self.server.says_length:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        sent = self.server.sends.pop(0) if self.server.sends else len(content)
        self.wfile.write(content[:sent])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """A server; `sends` holds the number of bytes after which it closes each connection."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.asked, server.sends = {"/set.bin": CONTENT}, [], []
        server.ranges = server.says_length = True
        server.url = f"http://127.0.0.1:{server.server_port}/set.bin"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_file_is_fetched_into_a_new_folder(server, tmp_path):
    to = tmp_path / "sets" / "set.bin"
    assert fetch(server.url, to, md5=MD5, sha256=SHA256) == to
    assert to.read_bytes() == CONTENT
    assert [file.name for file in to.parent.iterdir()] == ["set.bin"]


def test_progress_is_reported_from_start_to_end(server, tmp_path):
    reports = []
    fetch(server.url, tmp_path / "set.bin", progress=reports.append)
    assert reports[0] == Fetching("set.bin", 0, len(CONTENT))
    assert reports[-1] == Fetching("set.bin", len(CONTENT), len(CONTENT))
    assert [report.done for report in reports] == sorted(report.done for report in reports)


def test_given_size_is_reported_if_the_server_sends_none(server, tmp_path):
    server.says_length = False
    reports = []
    fetch(server.url, tmp_path / "one", progress=reports.append)
    fetch(server.url, tmp_path / "two", size=len(CONTENT), progress=reports.append)
    assert {(report.file, report.total) for report in reports} == {
        ("one", None),
        ("two", len(CONTENT)),
    }


def test_interrupted_download_is_resumed(server, tmp_path):
    server.sends = [300_000, 200_000]
    fetch(server.url, tmp_path / "set.bin", md5=MD5)
    assert server.asked == [None, "bytes=300000-", "bytes=500000-"]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_download_started_by_another_process_is_resumed(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:1000])
    fetch(server.url, tmp_path / "set.bin", md5=MD5)
    assert server.asked == ["bytes=1000-"]


def test_download_restarts_if_the_server_ignores_ranges(server, tmp_path):
    server.ranges = False
    server.sends = [300_000]
    fetch(server.url, tmp_path / "set.bin", md5=MD5)
    assert server.asked == [None, "bytes=300000-"]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_complete_part_is_not_downloaded_again(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT)
    fetch(server.url, tmp_path / "set.bin", md5=MD5)
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_download_without_progress_fails_and_keeps_its_part(server, tmp_path):
    server.sends = [1000, 0]
    with pytest.raises(FetchError) as caught:
        fetch(server.url, tmp_path / "set.bin")
    assert str(caught.value) == (
        f"{server.url}: connection lost after 1000 bytes: expected {len(CONTENT)} bytes; "
        "fetch it again to resume"
    )
    assert (tmp_path / "set.bin.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "set.bin").exists()


def test_file_with_a_wrong_checksum_is_removed(server, tmp_path):
    expected = "0" * 64
    with pytest.raises(FetchError) as caught:
        fetch(server.url, tmp_path / "set.bin", sha256=expected)
    assert str(caught.value) == (
        f"{server.url}: its sha256 is {SHA256}; expected {expected}; "
        "the downloaded file was removed, fetch it again"
    )
    assert not list(tmp_path.iterdir())


def test_part_longer_than_the_file_is_discarded(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT + b"more")
    fetch(server.url, tmp_path / "set.bin", md5=MD5)
    assert server.asked == [f"bytes={len(CONTENT) + 4}-", None]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_existing_file_is_fetched_again_only_if_its_checksum_differs(server, tmp_path):
    file = tmp_path / "set.bin"
    file.write_bytes(b"damaged")
    fetch(server.url, file)
    assert (server.asked, file.read_bytes()) == ([], b"damaged")
    fetch(server.url, file, md5=MD5.upper())
    fetch(server.url, file, md5=MD5)
    assert (server.asked, file.read_bytes()) == ([None], CONTENT)


def test_missing_file_on_the_server_is_reported(server, tmp_path):
    url = server.url + ".gz"
    with pytest.raises(FetchError) as caught:
        fetch(url, tmp_path / "set.bin")
    assert str(caught.value) == f"{url}: the server says 404 Not Found"
    assert not (tmp_path / "set.bin.part").exists()


def test_unreachable_server_is_reported(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(FetchError) as caught:
        fetch(server.url, tmp_path / "set.bin")
    assert str(caught.value).startswith(f"{server.url} cannot be reached: ")
    assert str(caught.value).endswith("Connection refused; is there a network?")


def test_full_disk_is_reported_before_anything_is_written(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 8, 1))
    with pytest.raises(FetchError) as caught:
        fetch(server.url, tmp_path / "set.bin")
    assert str(caught.value) == (
        f"{server.url}: the disk of {tmp_path / 'set.bin'} is full: it needs {len(CONTENT)} more "
        "bytes; free some space and fetch it again"
    )
    assert not list(tmp_path.iterdir())


def test_unwritable_folder_is_reported(server, tmp_path):
    (tmp_path / "sets").write_text("a file, and no folder")
    with pytest.raises(FetchError) as caught:
        fetch(server.url, tmp_path / "sets" / "set.bin")
    place = tmp_path / "sets" / "set.bin"
    assert str(caught.value) == f"{server.url}: {place} cannot be written: File exists"


def test_connection_closed_before_a_response_is_reported(server, tmp_path):
    server.files["/set.bin"] = property  # what its handler cannot send
    server.handle_error = lambda request, address: None
    with pytest.raises(
        FetchError, match="connection lost after 0 bytes: Remote end closed connection"
    ):
        fetch(server.url, tmp_path / "set.bin")


def test_local_files_are_not_fetched(tmp_path):
    with pytest.raises(FetchError) as caught:
        fetch(f"file://{tmp_path}/secret", tmp_path / "set.bin")
    assert str(caught.value) == (
        f"file://{tmp_path}/secret: expected an address that starts with http:// or https://"
    )


def tar_of(**files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


def zip_of(**files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return archive.getvalue()


def texts(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text() for file in files}


@pytest.mark.parametrize(("name", "archive_of"), [("set.tar.gz", tar_of), ("set.zip", zip_of)])
def test_an_archive_is_fetched_unpacked_and_removed(server, tmp_path, name, archive_of):
    archive = archive_of(**{"set/one": "1", "set/deep/two": "2"})
    server.files[f"/{name}"] = archive
    (tmp_path / "set" / "deep").mkdir(parents=True)
    (tmp_path / "set" / "deep" / "two").write_text("damaged")
    (tmp_path / "set" / "own").write_text("kept")
    url = server.url.replace("set.bin", name)
    fetch_archive(url, tmp_path, md5=hashlib.md5(archive).hexdigest(), progress=lambda report: None)
    assert texts(tmp_path) == {"set/one": "1", "set/deep/two": "2", "set/own": "kept"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("set.tar.gz", tar_of(one="1" * 9999)[:-20]),
        ("set.tar.gz", b"no archive"),
        ("set.tar.gz", tar_of(**{"good": "1", "../outside": "2"})),
        ("set.zip", zip_of(one="1")[:-20]),
    ],
    ids=["truncated tar", "no tar", "tar that leaves its folder", "truncated zip"],
)
def test_failed_unpacking_leaves_no_files(tmp_path, name, content):
    folder = tmp_path / "data"
    folder.mkdir()
    archive = folder / name
    archive.write_bytes(content)
    with pytest.raises(FetchError, match="cannot be unpacked: .*; remove it"):
        unpack(archive, folder)
    assert [file.name for file in tmp_path.rglob("*")] == ["data", name]
