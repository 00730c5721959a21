"""Fetching and checking releases: ours beside pooch and beside plain streaming with sha256.

    python benchmarks/bench_store.py [--quick]

All download the same 20 MB from the same server on this machine, each in a fresh process, in turn;
imports are timed apart. pooch runs in this process's interpreter if it is installed, or in the one
that ZOO_BENCH_POOCH_PYTHON names. Then: how long the scan of each shipped model takes, and what
verification adds to `load_model` from a warm cache.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "store.json"
SIZE = 20 * 2**20
OVERHEAD = 0.05  # of loading, at most
SCAN_MS = 100.0  # of a model, at most

TIMED = """
import json, resource, sys, time
start = time.perf_counter()
{imports}
imported = time.perf_counter()
before = time.process_time()
{work}
print(json.dumps({{"import_s": imported - start, "wall_s": time.perf_counter() - imported,
                  "cpu_s": time.process_time() - before}}))
"""

OURS = TIMED.format(
    imports="""
import requests, tqdm
from pathlib import Path
from zoo import registry, releases
registry._bundled = lambda: Path("/nonexistent")
registry.all_cards()""",
    work='releases.fetch("jam_cyl")',
)
POOCH = TIMED.format(
    imports="import pooch, requests, tqdm",
    work="pooch.retrieve(sys.argv[1], 'sha256:' + sys.argv[2], path=sys.argv[3], fname='file')",
)
PLAIN = TIMED.format(
    imports="import hashlib, os, requests",
    work="""
digest = hashlib.sha256()
with requests.get(sys.argv[1], stream=True) as answer, open(sys.argv[3] + "/file", "wb") as file:
    for chunk in answer.iter_content(2**18):
        digest.update(chunk)
        file.write(chunk)
assert digest.hexdigest() == sys.argv[2]""",
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static server that prints nothing."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def mirror(folder: Path) -> tuple[str, str]:
    """A mirror with one release of 20 MB; its URL, and the hash of the large file."""
    from zoo.manifest import FILE_NAME, Manifest
    from zoo.store import mirrors
    from zoo.store.verify import digest, pin

    release = folder / "jam_cyl" / "1"
    release.mkdir(parents=True)
    (release / "saved_model.pb").write_bytes(os.urandom(SIZE))
    golden: dict[str, Any] = {"inputs": {}, "outputs": {}}
    manifest = Manifest("jam_cyl", 1, pin(release), golden).dumps()
    (release / FILE_NAME).write_text(manifest)
    entry = {"sha256": hashlib.sha256(manifest.encode()).hexdigest(), "size": len(manifest)}
    index = {"format": 1, "releases": {"jam_cyl/1": entry}}
    (folder / mirrors.INDEX).write_text(json.dumps(index))
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}", digest(release / "saved_model.pb")


def pooch_python() -> str | None:
    """The interpreter that has pooch, if there is one."""
    if named := os.environ.get("ZOO_BENCH_POOCH_PYTHON"):
        return named
    return sys.executable if importlib.util.find_spec("pooch") else None


def fetching(repeats: int) -> dict[str, dict[str, float]]:
    """Median wall and CPU time of each way, taken in turn."""
    ways = {"zoo fetch": (sys.executable, OURS), "requests and sha256": (sys.executable, PLAIN)}
    if python := pooch_python():
        ways["pooch.retrieve"] = (python, POOCH)
    else:
        print("pooch is not installed: set ZOO_BENCH_POOCH_PYTHON; its row is missing")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as scratch:
        url, sha256 = mirror(Path(scratch) / "mirror")
        for repeat in range(repeats):
            for name, (python, code) in ways.items():
                into = Path(scratch) / f"{repeat}-{name.split()[0]}"
                into.mkdir()
                done = subprocess.run(
                    [python, "-c", code, f"{url}/jam_cyl/1/saved_model.pb", sha256, str(into)],
                    env=os.environ | {"ZOO_HOME": str(into), "ZOO_MIRROR": url},
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                shutil.rmtree(into)
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        for name, rows in runs.items()
    }


SCAN = """
import json, statistics, sys, time
from pathlib import Path
start = time.perf_counter()
from zoo.store import scan
out = {"import_ms": 1000 * (time.perf_counter() - start)}
for folder in sys.argv[1:]:
    times = []
    for _ in range(7):
        start = time.perf_counter(), time.process_time()
        scan.scan(Path(folder))
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    out[folder] = {"first_ms": 1000 * times[0][0], "wall_ms": 1000 * statistics.median(w for w, _ in times),
                   "cpu_ms": 1000 * statistics.median(c for _, c in times)}
assert "tensorflow" not in sys.modules
print(json.dumps(out))
"""  # noqa: E501 (code for another process)


def scanning() -> dict[str, Any]:
    """Time of the scan of every shipped model, in one process without TensorFlow."""
    from zoo import registry

    folders = {
        f"{name} {version}": registry.find_release(name, version).path
        for name in registry.list_models()
        for version in registry.versions(name)
    }
    folders = {name: path for name, path in folders.items() if (path / "saved_model.pb").is_file()}
    command = [sys.executable, "-c", SCAN, *map(str, folders.values())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    rows = {}
    for name, path in folders.items():
        size = (path / "saved_model.pb").stat().st_size
        rows[name] = {"graph_kb": size / 1000, **found[str(path)]}
    return {"import_ms": found["import_ms"], "models": rows}


def loading(repeats: int) -> dict[str, dict[str, float]]:
    """What `load_model` spends on checks, of a release in a store, first and warm."""
    from zoo import registry, releases
    from zoo.model import load_model
    from zoo.quiet import import_tensorflow

    names = [
        name for name in registry.list_models()
        if registry.versions(name) and registry.find_card(name)[0].kind != "classical"
    ]  # fmt: skip
    bundled, rows = registry._bundled, {}  # noqa: SLF001 (the benchmark plays a fresh machine)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ZOO_HOME"] = scratch
        for name in names:
            releases.fetch(name, into=Path(scratch) / "releases")
        time.sleep(2.1)  # files that have just been written are not remembered
        registry._bundled = lambda: Path("/nonexistent")  # type: ignore[assignment]  # noqa: SLF001
        import_tensorflow()
        for name in names:
            load_model(name)  # Keras, and TensorFlow's first steps
            release = registry.find_release(name)
            (Path(scratch) / "releases" / ".verified.json").unlink(missing_ok=True)
            start = time.perf_counter()
            releases.admit(release)
            first = time.perf_counter() - start
            warm, whole = [], []
            for _ in range(repeats):
                start = time.perf_counter()
                releases.admit(release)
                warm.append(time.perf_counter() - start)
                start = time.perf_counter()
                load_model(name)
                whole.append(time.perf_counter() - start)
            spent, loaded = statistics.median(warm), statistics.median(whole)
            rows[name] = {
                "first_check_ms": 1000 * first,
                "warm_check_ms": 1000 * spent,
                "load_ms": 1000 * loaded,
                "overhead": spent / (loaded - spent),
            }
        registry._bundled = bundled  # noqa: SLF001
    return rows


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats; writes no results")
    quick = parser.parse_args().quick
    out = {
        "fetch_20_mb": fetching(2 if quick else 7),
        "scan": scanning(),
        "load": loading(2 if quick else 7),
        "load_average": os.getloadavg()[0],
    }
    print("20 MB from a server on this machine")
    for name, row in out["fetch_20_mb"].items():
        print(f"  {name:<22} {row['wall_s']:.3f} s, {row['cpu_s']:.3f} s CPU, imports "
              f"{row['import_s']:.2f} s")  # fmt: skip
    print(f"scan (imports {out['scan']['import_ms']:.0f} ms)")
    for name, row in out["scan"]["models"].items():
        verdict = "" if row["first_ms"] < SCAN_MS else f"  MISSED: {SCAN_MS:.0f} ms"
        print(f"  {name:<22} {row['graph_kb']:.0f} kB: {row['wall_ms']:.1f} ms, "
              f"{row['cpu_ms']:.1f} ms CPU, first {row['first_ms']:.1f} ms{verdict}")  # fmt: skip
    print("load_model from a store")
    for name, row in out["load"].items():
        verdict = "" if row["overhead"] < OVERHEAD else f"  MISSED: {OVERHEAD:.0%}"
        checks = f"checks {row['warm_check_ms']:.2f} ms ({row['overhead']:.2%})"
        first = f"first {row['first_check_ms']:.1f} ms"
        print(f"  {name:<22} {row['load_ms']:.0f} ms, {checks}, {first}{verdict}")
    if not quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
