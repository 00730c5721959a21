"""A release appears whole or not at all, whatever the file system does."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import filelock
import pytest

from zoo import releases
from zoo.errors import ReleaseError
from zoo.manifest import FILE_NAME, read_manifest
from zoo.store import download, places, snapshot, verify
from zoo.store.prune import prune

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture(autouse=True)
def _asked(mirror, monkeypatch):
    monkeypatch.setenv("ZOO_MIRROR", mirror.url)


def assert_whole(folder):
    verify.verify(folder, read_manifest(folder))
    assert folder.name == "7"


def visible(store):
    """Paths in a store that a reader would look at."""
    return sorted(p.name for p in store.iterdir() if not p.name.startswith(".")) if (
        store.is_dir()) else []  # fmt: skip


def test_fetch(mirror, fresh):
    (folder,) = releases.fetch("jam_cyl")
    assert folder == fresh / "releases" / "jam_cyl" / "7"
    assert_whole(folder)
    before = len(mirror.seen)
    assert releases.fetch("jam_cyl") == [folder]
    assert len(mirror.seen) == before
    incoming = folder.parents[1] / places.INCOMING
    assert list(incoming.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "config.json").stat().st_mode & 0o777 == 0o644


def test_each_file_comes_once(mirror):
    releases.fetch("jam_cyl")
    paths = mirror.hits()
    assert len(paths) == len(set(paths)) == 6  # index, manifest and four files


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", "config.json"])
def test_a_damaged_copy_is_replaced(file, mirror):
    (folder,) = releases.fetch("jam_cyl")
    (folder / file).write_bytes(b"damaged")
    assert releases.fetch("jam_cyl") == [folder]
    assert_whole(folder)
    assert len(mirror.hits(file)) == 2


def test_a_file_too_many_is_found_and_removed():
    (folder,) = releases.fetch("jam_cyl")
    (folder / "saved_model.pbtxt").write_text("planted")
    with pytest.raises(ReleaseError, match=r"saved_model.pbtxt is not in the manifest: remove it"):
        releases.admit(releases.registry.find_release("jam_cyl"))
    assert_whole(releases.fetch("jam_cyl")[0])


def test_a_failing_file_leaves_nothing_visible(mirror, fresh, answer):
    path = "/jam_cyl/7/variables/variables.index"
    mirror.rules[path] = lambda handler, _: answer(handler, b"", 403)
    with pytest.raises(ReleaseError, match=r"variables.index could not be fetched: .* 403"):
        releases.fetch("jam_cyl")
    assert visible(fresh / "releases" / "jam_cyl") == []
    before = len(mirror.hits("saved_model.pb"))
    mirror.rules.clear()
    assert_whole(releases.fetch("jam_cyl")[0])
    assert len(mirror.hits("saved_model.pb")) == before  # what had come whole was kept


def test_kept_parts_are_hashed_again(mirror, fresh, answer):
    path = "/jam_cyl/7/variables/variables.index"
    mirror.rules[path] = lambda handler, _: answer(handler, b"", 403)
    with pytest.raises(ReleaseError):
        releases.fetch("jam_cyl")
    kept = list((fresh / "releases" / places.INCOMING).glob("*" * 1))
    kept = [file for file in kept if len(file.name) == 64]
    assert kept
    for file in kept:
        file.write_bytes(bytes(file.stat().st_size))
    mirror.rules.clear()
    assert_whole(releases.fetch("jam_cyl")[0])


# --- disks


def test_a_disk_without_room(monkeypatch, mirror, fresh):
    usage = shutil.disk_usage(fresh.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**20 + 5000))
    with pytest.raises(ReleaseError, match=r"needs 1.1 MB and the disk has 1.1 MB free; choose"):
        releases.fetch("jam_cyl")
    assert mirror.hits("saved_model.pb") == []
    assert visible(fresh / "releases" / "jam_cyl") == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from zoo import registry, releases
from zoo.errors import ReleaseError
registry._bundled = lambda: Path("/nonexistent")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    releases.fetch("jam_cyl")
except ReleaseError as error:
    print(error)
"""


def test_a_disk_that_fills_up_meanwhile(fresh):
    """The kernel refuses the write, as it does on a full disk, in the middle of a file."""
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert "the disk is full" in done.stdout, done.stderr
    store = fresh / "releases"
    assert visible(store / "jam_cyl") == []
    assert not list((store / places.INCOMING).glob("*.part"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_errors_of_a_full_disk(code, monkeypatch, fresh):
    def full(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReleaseError, match="the disk is full"):
        releases.fetch("jam_cyl")
    assert visible(fresh / "releases" / "jam_cyl") == []


# --- whose store it is


def test_a_read_only_store(as_nobody, open_tmp, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(open_tmp))
    (open_tmp / "releases").mkdir()
    (open_tmp / "releases").chmod(0o555)
    text = as_nobody(lambda: releases.fetch("jam_cyl"))
    assert text.startswith(f"ReleaseError: {open_tmp / 'releases'} cannot be written (Permission")
    assert "set ZOO_HOME to a folder that you may write, or ZOO_PATH" in text


def test_a_home_that_is_not_writable(as_nobody, open_tmp, monkeypatch):
    """No silent fall-back to a shared temporary folder."""
    open_tmp.chmod(0o555)
    monkeypatch.delenv("ZOO_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(open_tmp / ".cache"))
    text = as_nobody(lambda: releases.fetch("jam_cyl"))
    assert "cannot be written (Permission denied): set ZOO_HOME" in text
    assert list(open_tmp.iterdir()) == []


def test_a_store_of_another_user(as_nobody, open_tmp, monkeypatch):
    """Read like any other, hashed each time; but not written, and its memory not believed."""
    monkeypatch.setenv("ZOO_HOME", str(open_tmp))
    (folder,) = releases.fetch("jam_cyl")
    if os.geteuid() != 0:
        pytest.skip("only root can play two users")
    assert as_nobody(lambda: releases.fetch("jam_cyl")) == f"returned {[folder]}"
    memory = open_tmp / "releases" / ".verified.json"
    facts = (folder / "config.json").stat()
    lie = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev, "0"]
    memory.write_text(json.dumps({str(folder / "config.json"): lie}))
    memory.chmod(0o644)
    release = releases.registry.find_release("jam_cyl")
    text = as_nobody(lambda: releases.admit(release))
    assert "the SavedModel cannot be read" in text  # past the hashes: it is a toy
    with pytest.raises(ReleaseError, match=r"config.json has sha256 0, expected"):
        releases.admit(release)  # for its owner the same lie is a memory


def test_two_users_share_a_store(as_nobody, open_tmp, monkeypatch, toy, indexed, mirror):
    if os.geteuid() != 0:
        pytest.skip("only root can play two users")
    monkeypatch.setenv("ZOO_HOME", str(open_tmp))
    releases.fetch("jam_cyl")
    for path in (open_tmp / "releases").rglob("*"):
        if path.is_dir():
            path.chmod(0o777)
    (open_tmp / "releases").chmod(0o777)
    toy(mirror.folder, version=8)
    indexed(mirror.folder)
    text = as_nobody(lambda: releases.fetch("jam_cyl", 8))
    assert text.startswith("returned"), text
    assert releases.registry.versions("jam_cyl") == [7, 8]
    assert releases.fetch("jam_cyl")[0].name == "8"


# --- links


@pytest.mark.parametrize("where", ["jam_cyl", "jam_cyl/7", places.INCOMING])
def test_links_planted_where_we_write(where, fresh, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = fresh / "releases" / where
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ReleaseError, match=f"{link} is a symbolic link: remove it"):
        releases.fetch("jam_cyl")
    assert list(elsewhere.iterdir()) == []


def test_a_link_planted_for_a_part(fresh, tmp_path, toy):
    """A finished part that is a link to a file elsewhere is neither trusted nor written through."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    content = (toy(tmp_path / "copy") / "saved_model.pb").read_bytes()
    incoming = fresh / "releases" / places.INCOMING
    incoming.mkdir(parents=True)
    (incoming / hashlib.sha256(content).hexdigest()).symlink_to(precious)
    assert_whole(releases.fetch("jam_cyl")[0])
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize("file", ["saved_model.pb", "variables"])
def test_links_planted_where_we_read(file, tmp_path):
    (folder,) = releases.fetch("jam_cyl")
    elsewhere = tmp_path / "elsewhere"
    shutil.move(folder / file, elsewhere)
    (folder / file).symlink_to(elsewhere)
    with pytest.raises(ReleaseError, match=f"{folder / file} is a symbolic link"):
        releases.admit(releases.registry.find_release("jam_cyl"))
    assert_whole(releases.fetch("jam_cyl")[0])
    assert elsewhere.exists()


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_things_that_are_no_files(kind):
    """Opening a pipe that nobody writes to would wait for ever."""
    (folder,) = releases.fetch("jam_cyl")
    (folder / "config.json").unlink()
    if kind == "pipe":
        os.mkfifo(folder / "config.json")
    else:
        (folder / "config.json").mkdir()
    with pytest.raises(ReleaseError, match=r"config.json (is not a plain file|is missing)"):
        verify.verify(folder, read_manifest(folder))
    assert_whole(releases.fetch("jam_cyl")[0])


# --- locks, leftovers


@pytest.mark.parametrize("error", [filelock.Timeout, NotImplementedError, OSError])
def test_locks_that_do_not_work_are_not_needed(error, monkeypatch):
    def fail(*_, **__):
        raise error("lock")

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    assert_whole(releases.fetch("jam_cyl")[0])


def test_a_release_that_appears_meanwhile(monkeypatch):
    """Another process is faster by a moment, and has tidied up the parts already."""
    (folder,) = releases.fetch("jam_cyl")
    spare = folder.with_name("spare")
    folder.rename(spare)
    place = snapshot._place

    def late(part, path):
        if spare.exists():
            spare.rename(folder)
            part.unlink()
        place(part, path)

    monkeypatch.setattr(snapshot, "_place", late)
    assert releases.fetch("jam_cyl") == [folder]
    assert_whole(folder)


def test_file_systems_without_hard_links(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert_whole(releases.fetch("jam_cyl")[0])


def test_leftovers_of_killed_processes_go(fresh):
    incoming = fresh / "releases" / places.INCOMING
    (incoming / "old.stage").mkdir(parents=True)
    (incoming / "old.stage" / "file").write_text("x")
    (incoming / "old.1-2.part").write_text("x")
    (incoming / "live.part").write_text("x")
    past = time.time() - 2 * snapshot.STALE
    for name in ("old.stage", "old.1-2.part"):
        os.utime(incoming / name, (past, past))
    releases.fetch("jam_cyl")
    assert visible(incoming) == ["live.part"]


def test_prune(fresh, toy):
    store = fresh / "releases"
    for version in (7, 8, 10):
        toy(store, version=version)
    toy(store, name="jam_cyl_emulator", version=2)
    incoming = store / places.INCOMING
    incoming.mkdir()
    (incoming / "live.part").write_text("x")
    removed = prune(store)
    assert sorted(path.name for path, _ in removed) == ["7", "8"]
    assert all(size > 5000 for _, size in removed)
    assert [p.parent.name for p in sorted(store.glob(f"*/*/{FILE_NAME}"))] == ["10", "2"]
    assert prune(store) == []
    assert len(prune(store, everything=True)) == 3
    assert not list(store.glob(f"*/*/{FILE_NAME}"))
    assert prune(fresh / "nothing") == []


def test_download_sync_of_a_network_file_system(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    download.sync(tmp_path)
