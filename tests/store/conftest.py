"""A real web server on the loopback that misbehaves on request, and toy releases to serve."""

import hashlib
import json
import os
import shutil
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests  # noqa: F401 (before a child without rights might have to read it)
import tqdm  # noqa: F401 (the same)

from zoo import registry
from zoo.manifest import FILE_NAME, Manifest
from zoo.store import download, mirrors
from zoo.store.verify import pin

NOBODY = 65534


class Server:
    """Serves a folder; `rules` maps a path to a function (handler, content) that answers instead.

    Attributes
    ----------
    seen : list of (path, headers)
        Every request.
    """

    def __init__(self, folder):
        self.folder, self.rules, self.seen = folder, {}, []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.seen.append((self.path, dict(self.headers)))
                path = self.path.partition("?")[0]
                file = server.folder / path.lstrip("/")
                content = file.read_bytes() if file.is_file() else None
                rule = server.rules.get(path)
                try:
                    if rule is not None:
                        rule(self, content)
                    elif content is None:
                        answer(self, b"", 404)
                    else:
                        answer(self, content)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def secure(self, context):
        """Speak TLS from now on."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.port}"

    def hits(self, end=""):
        return [path for path, _ in self.seen if path.endswith(end)]

    def close(self):
        self._http.shutdown()
        self._http.server_close()


def answer(handler, content, status=200, **headers):
    """Send a complete answer."""
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(content))} | headers).items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture(name="answer")
def _answer():
    return answer


@pytest.fixture
def serve():
    """Start servers over folders; they stop after the test."""
    started = []

    def start(folder):
        started.append(Server(folder))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def fast(monkeypatch):
    """Short waits and timeouts."""
    monkeypatch.setattr(download, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("ZOO_TIMEOUT", "0.3")


FILES = {
    "saved_model.pb": b"graph" * 1000,
    "config.json": b"{}\n",
    "variables/variables.index": b"index" * 10,
    "variables/variables.data-00000-of-00001": b"data" * 100,
}


def toy(folder, name="jam_cyl", version=7, files=FILES, **facts):
    """Write a release that looks right and cannot be loaded; return its folder."""
    path = Path(folder) / name / str(version)
    for file, content in files.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(content)
    golden = {"inputs": {"x": 1.0}, "outputs": {"y": 2.0}}
    manifest = Manifest(name=name, version=version, files=pin(path), golden=golden, **facts)
    (path / FILE_NAME).write_text(manifest.dumps())
    return path


def indexed(folder):
    """Write the index of a mirror by hand."""
    entries = {}
    for path in sorted(folder.glob(f"*/*/{FILE_NAME}")):
        text = path.read_bytes()
        entry = {"sha256": hashlib.sha256(text).hexdigest(), "size": len(text)}
        entries[path.parent.relative_to(folder).as_posix()] = entry
    (folder / mirrors.INDEX).write_text(json.dumps({"format": 1, "releases": entries}))


@pytest.fixture(name="toy")
def _toy():
    return toy


@pytest.fixture(name="indexed")
def _indexed():
    return indexed


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A machine with an empty cache and nothing bundled; returns its ZOO_HOME."""
    home = tmp_path / "home"
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setattr(registry, "_bundled", lambda: tmp_path / "bundled")
    return home


@pytest.fixture
def mirror(tmp_path, serve, fast):  # noqa: ARG001 (waits are short around any server)
    """A server with one toy release, jam_cyl 7."""
    folder = tmp_path / "mirror"
    toy(folder)
    indexed(folder)
    return serve(folder)


@pytest.fixture
def as_nobody():
    """Run a function in a process that is not root, and return what it prints or its error."""

    def run(function):
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the threads of the server are not needed there
            child = os.fork()
        if child == 0:
            os.close(read)
            try:
                if os.geteuid() == 0:
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                text = f"returned {function()}"
            except BaseException as error:  # noqa: BLE001 (the parent judges it)
                text = f"{type(error).__name__}: {error}"
            os.write(write, text.encode()[:4000])
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return text

    return run


@pytest.fixture
def open_tmp(tmp_path):
    """A temporary folder that every user of the machine can enter and fill."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o711)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def stall(handler, content):
    """Send half and then nothing, for longer than any client of the tests waits."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    time.sleep(2)


@pytest.fixture(name="stall")
def _stall():
    return stall
