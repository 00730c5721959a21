"""Several real processes at one store, and processes killed at any moment."""

import contextlib
import fcntl
import hashlib
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from zoo.manifest import read_manifest
from zoo.store import places, verify

MB = 2**20

FETCH = """
import sys
from pathlib import Path
from zoo import registry, releases
registry._bundled = lambda: Path("/nonexistent")
if "no locks" in sys.argv:
    import filelock
    filelock.FileLock.acquire = lambda self, *args, **kwargs: None
    filelock.FileLock.release = lambda self, *args, **kwargs: None
print("ready", flush=True)
if "wait" in sys.argv:
    sys.stdin.readline()
folder, = releases.fetch("jam_cyl")
print(folder)
"""


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def served(tmp_path, serve, toy, indexed, size, delay, monkeypatch):
    """A mirror with a release of two files that trickle in over `delay` seconds."""
    folder = tmp_path / "mirror"
    big = hashlib.shake_256(b"big").digest(size)
    toy(folder, files={"saved_model.pb": big, "config.json": b"{}\n"})
    indexed(folder)
    server = serve(folder)

    def slow(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        pieces = 50
        step = -(-len(content) // pieces)
        for at in range(0, len(content), step):
            handler.wfile.write(content[at : at + step])
            time.sleep(delay / pieces)

    server.rules["/jam_cyl/7/saved_model.pb"] = slow
    monkeypatch.setenv("ZOO_MIRROR", server.url)
    return server


def whole(folder):
    verify.verify(folder, read_manifest(folder))
    return True


def six(tmp_path, serve, toy, indexed, monkeypatch, fresh, locks, size, delay):
    server = served(tmp_path, serve, toy, indexed, size, delay, monkeypatch)
    processes = [start("wait", *([] if locks else ["no locks"])) for _ in range(6)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [process.communicate(timeout=120) for process in processes]
    target = fresh / "releases" / "jam_cyl" / "7"
    assert [out for out, _ in results] == [f"{target}\n"] * 6, results
    assert whole(target)
    hits = len(server.hits("saved_model.pb"))
    assert hits == 1 if locks else 1 <= hits <= 6
    incoming = fresh / "releases" / places.INCOMING
    assert not [p for p in incoming.iterdir() if p.suffix in (".part", ".stage")]
    return hits


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_six_processes_at_once(locks, tmp_path, serve, toy, indexed, monkeypatch, fresh):
    hits = six(tmp_path, serve, toy, indexed, monkeypatch, fresh, locks, MB, 0.5)
    assert locks or hits > 1, "the locks were not switched off"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_on_terminals_only(terminal, tmp_path, serve, toy, indexed, monkeypatch, fresh):
    served(tmp_path, serve, toy, indexed, MB // 4, 0.1, monkeypatch)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", FETCH]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    assert str(fresh) in done.stdout
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody is left
        while part := os.read(ours, 1000):
            shown += part
    os.close(ours)
    assert (b"jam_cyl 7: 100%" in shown) if terminal else shown == b"", shown


@pytest.mark.stress
@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_six_processes_and_20_megabytes(locks, tmp_path, serve, toy, indexed, monkeypatch, fresh):
    six(tmp_path, serve, toy, indexed, monkeypatch, fresh, locks, 20 * MB, 5)


def killed(count, tmp_path, serve, toy, indexed, monkeypatch, fresh, size, delay):
    """Kill fetches at random moments; each finds nothing, or the whole release."""
    served(tmp_path, serve, toy, indexed, size, delay, monkeypatch)
    moments = random.Random(20061)  # noqa: S311 (no secret)
    target = fresh / "releases" / "jam_cyl" / "7"
    finished = 0
    for _ in range(count):
        process = start()
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 1.3 * delay + 0.4))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        if target.exists():
            assert whole(target)
            finished += 1
            for path in sorted(target.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            target.rmdir()
        elif target.parent.exists():
            assert list(target.parent.iterdir()) == []
    process = start()
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert out.endswith(f"{target}\n")
    assert whole(target)
    return finished


def test_five_kills(tmp_path, serve, toy, indexed, monkeypatch, fresh):
    killed(5, tmp_path, serve, toy, indexed, monkeypatch, fresh, MB // 4, 0.2)


@pytest.mark.stress
def test_fifty_kills(tmp_path, serve, toy, indexed, monkeypatch, fresh):
    finished = killed(50, tmp_path, serve, toy, indexed, monkeypatch, fresh, 20 * MB, 1.0)
    assert 0 < finished < 50  # the moments cover the fetch from before its start to past its end
