"""Fill the chunk cache with several processes.

The workers are plain subprocesses that read one line of JSON for each chunk. `multiprocessing`
would either fork a process in which TensorFlow's threads run, or import the user's main script
again, which breaks every script that calls `tfds.load` without a main guard.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, cast

from tqdm import tqdm

from zoo_datasets import chunks
from zoo_datasets.chunks import Task
from zoo_datasets.errors import DatasetError

# each worker is one process on one core; -P keeps the working directory, in which a folder
# `datasets` may lie, off its path
COMMAND = [sys.executable, "-P", "-c", "from zoo_datasets.workers import main; main()"]
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")
}

Job = tuple[Task, int, int]


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fill(tasks: Sequence[Task], workers: int | None = None, progress: bool | None = None) -> None:
    """Simulate every chunk that is missing.

    Parameters
    ----------
    workers : int, optional
        Processes; one per core unless given. A job of one chunk's length runs in this process.
    progress : bool, optional
        Show a bar; where standard error is a terminal unless given.

    Raises
    ------
    DatasetError
        If a chunk fails; finished chunks stay.
    """
    jobs = [(task, *chunk) for task in tasks for chunk in chunks.missing(task)]
    todo = sum(stop - start for _, start, stop in jobs)
    if not jobs:
        return
    count = min(workers or cores(), len(jobs))
    if todo <= jobs[0][0].per_chunk:
        count = 1
    hide = None if progress is None else not progress
    total = sum(task.size for task in tasks)
    title = f"{jobs[0][0].name}/{jobs[0][0].config}"
    with tqdm(total=total, initial=total - todo, desc=title, unit="rec", disable=hide) as bar:
        if count == 1:
            for task, start, stop in jobs:
                chunks.make(task, start, stop)
                bar.update(stop - start)
        else:
            _parallel(jobs, count, bar)


def _parallel(jobs: Sequence[Job], count: int, bar: tqdm) -> None:
    """Let `count` threads, each with a process of its own, take one job after the other."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    failures: list[str] = []
    lock = threading.Lock()

    def drive() -> None:
        # a worker ends when its input does: when this block is left or this process is killed
        with _start() as process, suppress(queue.Empty):
            while not failures:
                task, start, stop = waiting.get_nowait()
                failure = _ask(process, task, start, stop)
                with lock:
                    bar.update(stop - start)
                    failures.extend([failure] if failure else [])

    threads = [threading.Thread(target=drive) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        failures.append("interrupted")
        raise
    if failures:
        raise DatasetError(failures[0])


def _start() -> subprocess.Popen[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": path}
    return subprocess.Popen(  # noqa: S603 (our own interpreter, our own module)
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _ask(process: subprocess.Popen[str], task: Task, start: int, stop: int) -> str:
    """Have one chunk made; returns what went wrong, or nothing."""
    jobs, answers = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
    try:
        jobs.write(json.dumps([task.to_json(), start, stop]) + "\n")
        jobs.flush()
        answer = answers.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        return (
            f"a worker process died (exit code {process.wait()}) at records {start}-{stop} of "
            f"{task.name}/{task.config}, split {task.split}; finished chunks are kept"
        )
    return str(json.loads(answer))


def main() -> None:
    """Answer each line of jobs with "" or with the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is ours
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what simulators print must not mix with the answers
    for line in sys.stdin:
        arguments, start, stop = json.loads(line)
        task = Task(**arguments)
        try:
            chunks.make(task, start, stop)
            answer = ""
        except DatasetError as error:
            answer = str(error)
        except Exception as error:  # noqa: BLE001 (whatever a simulator raises goes to the user)
            answer = (
                f"{task.name}/{task.config}, split {task.split}, records {start}-{stop}: "
                f"{type(error).__name__}: {error}"
            )
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
