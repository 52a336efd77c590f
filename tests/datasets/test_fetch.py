"""Against a loopback server that does what servers and networks do."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import pytest
from cdjax.cli import main
from cdjax.datasets import fetch as module
from cdjax.datasets.download import DownloadError, download
from cdjax.datasets.fetch import extract, fetch
from cdjax.datasets.sources import SOURCES, Source

DATA = bytes(range(256)) * 500


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content` as `server.manner` says; `server.ranges` records those requested."""

    def do_GET(self):
        server, manner = self.server, self.server.manner
        requested = self.headers.get("Range")
        server.ranges.append(requested)
        if manner == "redirect" and self.path != "/moved":
            self.send_response(302)
            self.send_header("Location", "/moved")
            self.end_headers()
            return
        if manner in ("404", "503"):
            self.send_error(int(manner))
            return
        start = int(requested.removeprefix("bytes=").removesuffix("-")) if requested else 0
        if manner == "ignores ranges":
            start = 0
        if start > len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            whole = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        length = len(body) + (99 if manner == "says more than it has" else 0)
        if manner == "says less than it has":
            length -= 99
        if manner != "says no length":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if manner == "cuts" and len(server.ranges) < 4:
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.content, running.manner, running.ranges = DATA, "well", []
        running.url = f"http://127.0.0.1:{running.server_port}/data.zip"
        threading.Thread(target=running.serve_forever, args=[0.01], daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def get(server, path, **changes):
    options = {"sha256": hashlib.sha256(DATA).hexdigest(), "largest": 10**6, "wait": 0.0}
    download(server.url, path, **(options | changes))


@pytest.mark.parametrize("manner", ["well", "cuts", "redirect", "ignores ranges", "says no length"])
def test_the_whole_file_comes(manner, server, tmp_path):
    server.manner = manner
    steps = []
    get(server, tmp_path / "part", progress=lambda done, whole: steps.append((done, whole)))
    assert (tmp_path / "part").read_bytes() == DATA
    assert steps[-1] == (len(DATA), None if manner == "says no length" else len(DATA))
    if manner == "cuts":
        assert server.ranges[0] is None
        assert server.ranges[1] == f"bytes={len(DATA) // 2}-"


@pytest.mark.parametrize("manner", ["well", "ignores ranges"])
def test_a_partial_download_is_resumed(manner, server, tmp_path):
    server.manner = manner
    (tmp_path / "part").write_bytes(DATA[:1000])
    get(server, tmp_path / "part")
    assert server.ranges == ["bytes=1000-"]
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_partial_file_longer_than_the_download_is_replaced(server, tmp_path):
    (tmp_path / "part").write_bytes(DATA + b"more")
    get(server, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize(
    ("manner", "message"),
    [
        ("404", "404 Not Found; give another address, mirror=URL"),
        ("503", r"503 Service Unavailable \(5 times in a row\)"),
        ("says more than it has", r"the connection ended .*to resume from"),
        ("says less than it has", f"the {len(DATA) - 99:,} bytes received have the sha256"),
    ],
)
def test_failures_are_reported(manner, message, server, tmp_path):
    server.manner = manner
    with pytest.raises(DownloadError, match=message):
        get(server, tmp_path / "part")


def test_another_file_is_refused_and_removed(server, tmp_path):
    server.content = DATA[::-1]
    with pytest.raises(DownloadError, match=r"expected .* another file"):
        get(server, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_no_more_comes_than_may(server, tmp_path):
    with pytest.raises(DownloadError, match="more than 1,000 bytes;"):
        get(server, tmp_path / "part", largest=1000)
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "/etc/passwd"])
def test_only_http(url, tmp_path):
    with pytest.raises(DownloadError, match="expected http or https"):
        download(url, tmp_path / "part", "", largest=1)


def test_nobody_there(tmp_path):
    with pytest.raises(DownloadError, match="refused"):
        download("http://127.0.0.1:9/x", tmp_path / "part", "", largest=1, wait=0.0)


def pack_zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def pack_tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                packed.addfile(info)
            else:
                info.size = len(content)
                packed.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def source_of(server, content, files):
    server.content = content
    digest = hashlib.sha256(content).hexdigest()
    return Source(server.url, digest, files, 10**6, "for a test")


FILES = {"trees/a.txt": "a.txt", "trees/b.txt": "b.txt"}
MEMBERS = {"trees/a.txt": b"a" * 1000, "trees/b.txt": b"b", "../evil.txt": b"x", "/evil.txt": b"x"}


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_what_is_wanted_is_in_the_folder_and_nothing_else_anywhere(pack, server, tmp_path):
    source = source_of(server, pack(MEMBERS), FILES)
    folder = tmp_path / "deep" / "data"
    assert fetch(source, folder) == [folder / "a.txt", folder / "b.txt"]
    assert (folder / "a.txt").read_bytes() == b"a" * 1000
    everything = [path.name for path in tmp_path.rglob("*")]
    assert sorted(everything) == ["a.txt", "b.txt", "data", "deep"]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        fetch(source, folder)
    (folder / "a.txt").write_text("old")
    fetch(source, folder, overwrite=True)
    assert (folder / "a.txt").read_bytes() == b"a" * 1000


def test_an_archive_that_is_used_as_it_is_stays_one(server, tmp_path):
    source = source_of(server, pack_zip(MEMBERS), {})
    assert fetch(source, tmp_path) == [tmp_path / "data.zip"]
    assert (tmp_path / "data.zip").read_bytes() == server.content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pack_zip({"trees/a.txt": b"a"}), "has no trees/b.txt; found trees/a.txt"),
        (pack_tar({"trees/a.txt": b"a", "trees/b.txt": None}), "trees/b.txt is not a regular file"),
        (pack_zip({"trees/a.txt": bytes(2 * 10**6), "trees/b.txt": b""}), "more than 1,000,000"),
        (pack_tar({"trees/a.txt": bytes(2 * 10**6), "trees/b.txt": b""}), "more than 1,000,000"),
        (b"no archive at all", "damaged archive"),
        (pack_tar(MEMBERS)[:-30], "damaged archive"),
    ],
)
def test_archives_that_are_not_as_expected_leave_nothing(content, message, server, tmp_path):
    with pytest.raises(DownloadError, match=message):
        fetch(source_of(server, content, FILES), tmp_path)
    assert not list(tmp_path.glob("[!.]*"))


def test_a_file_is_placed_whole_or_not_at_all(server, tmp_path, monkeypatch):
    def fail(archive, source, folder):
        (folder / "a.txt").write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(module, "extract", fail)
    with pytest.raises(OSError, match="disk full"):
        fetch(source_of(server, pack_zip(MEMBERS), FILES), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".data.zip.part"]
    monkeypatch.setattr(module, "extract", extract)
    server.ranges.clear()
    fetch(source_of(server, server.content, FILES), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_command_with_a_mirror(server, tmp_path, monkeypatch, capsys):
    members = {f"trees/{split}.txt": b"(3 good)\n" for split in ("train", "dev", "test")}
    server.content = pack_zip(members)
    assert main(["fetch", "sst", "--to", str(tmp_path / "sst"), "--mirror", server.url]) == 2
    assert SOURCES["sst"].sha256 in capsys.readouterr().err
    real = SOURCES["sst"]._replace(sha256=hashlib.sha256(server.content).hexdigest())
    monkeypatch.setattr("cdjax.cli.fetch.SOURCES", {**SOURCES, "sst": real})
    assert main(["fetch", "sst", "--to", str(tmp_path / "sst"), "--mirror", server.url]) == 0
    assert "train.txt (9 bytes)" in capsys.readouterr().out
    assert main(["fetch", "sst", "--to", str(tmp_path / "sst"), "--mirror", server.url]) == 2
    assert "give another folder or --overwrite." in capsys.readouterr().err


def test_proxies_of_the_environment_are_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    digest = hashlib.sha256(DATA).hexdigest()
    download("http://nowhere.invalid/data", tmp_path / "part", digest, largest=10**6, wait=0.0)
    assert (tmp_path / "part").read_bytes() == DATA


def test_digests_are_digests():
    for source in SOURCES.values():
        assert len(bytes.fromhex(source.sha256)) == 32
        assert source.url.startswith("https://")
