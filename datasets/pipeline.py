"""Fill the chunk cache with an Apache Beam pipeline, one chunk per element.

For simulations that take long: the same pipeline runs on this machine (DirectRunner) or, with the
chunk cache (`ZOO_HOME`) on storage that all workers share, on a cluster. What is there already is
not made again, so that a pipeline that was killed continues.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from zoo_datasets import chunks, workers
from zoo_datasets.chunks import Task
from zoo_datasets.errors import DatasetError

LOOK = 1.0  # [s] between two looks at what has appeared


def fill(
    tasks: Sequence[Task],
    runner: str = "DirectRunner",
    options: Sequence[str] = (),
    progress: bool | None = None,
) -> None:
    """Simulate every chunk that is missing.

    Parameters
    ----------
    runner : str
        Beam's name of a runner.
    options : sequence of str
        Its options, as on a command line: `["--project=..."]`.
    progress : bool, optional
        Show a bar; where standard error is a terminal unless given.

    Raises
    ------
    DatasetError
        If Beam is not there or the pipeline fails; finished chunks stay.
    """
    jobs = [(task.to_json(), *chunk) for task in tasks for chunk in chunks.missing(task)]
    if not jobs:
        return
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise DatasetError("a runner needs Apache Beam: pip install apache-beam") from error
    settings: dict[str, Any] = {"runner": runner}
    if runner == "DirectRunner":
        many = min(workers.cores(), len(jobs))
        mode = "multi_processing" if many > 1 else "in_memory"
        settings |= {"direct_num_workers": many, "direct_running_mode": mode}
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(tasks, done, progress))
    watcher.start()
    try:
        with beam.Pipeline(options=PipelineOptions(list(options), **settings)) as pipeline:
            _ = pipeline | beam.Create(jobs) | beam.Reshuffle() | beam.MapTuple(make)
    except Exception as error:  # runners raise their own kinds
        raise DatasetError(
            f"the pipeline on {runner} failed; finished chunks stay: {error}"
        ) from error
    finally:
        done.set()
        watcher.join()


def make(task: dict[str, Any], start: int, stop: int) -> None:
    """Simulate one chunk, on whatever machine this runs."""
    chunks.make(Task(**task), start, stop)


def _watch(tasks: Sequence[Task], done: threading.Event, progress: bool | None) -> None:
    total = sum(len(task.ranges()) for task in tasks)
    hide = None if progress is None else not progress
    title = f"{tasks[0].name}/{tasks[0].config}"
    with tqdm(total=total, desc=title, unit="chunk", disable=hide) as bar:
        while True:
            bar.update(total - sum(len(chunks.missing(task)) for task in tasks) - bar.n)
            if done.wait(LOOK):
                bar.update(total - sum(len(chunks.missing(task)) for task in tasks) - bar.n)
                return
