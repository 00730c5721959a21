"""Build a dataset: simulate with progress, prepare with TFDS, leave nothing half-written."""

from __future__ import annotations

import errno
import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from zoo_datasets import chunks, listing, pipeline, workers
from zoo_datasets.errors import DatasetError

SLACK = 1.1  # TFDS writes about what the chunks hold


def builder(name: str, data_dir: str | Path | None = None) -> tfds.core.DatasetBuilder:
    """Builder of "name", "name/config" or "name/config:version", ours or a prepared one.

    Raises
    ------
    DatasetError
        If there is none of that name; the message lists ours.
    """
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:
        raise DatasetError(listing.unknown(name)) from error


def build(
    name: str,
    data_dir: str | Path | None = None,
    workers_: int | None = None,
    progress: bool | None = None,
    runner: str | None = None,
) -> Path:
    """Build a dataset if it is not there yet; a killed build continues where it stopped.

    Parameters
    ----------
    name : str
        "name/config".
    data_dir : path, optional
        Where TFDS keeps datasets: ``TFDS_DATA_DIR``, else ~/tensorflow_datasets.
    workers_ : int, optional
        Processes that simulate; one per core unless given.
    progress : bool, optional
        Show a bar; where standard error is a terminal unless given.
    runner : str, optional
        Beam's name of a runner, which then simulates in place of our own processes; the builder's
        `RUNNER` unless given.

    Returns
    -------
    Path
        Folder of the prepared dataset.

    Raises
    ------
    DatasetError
        Unknown name, full disk, failing simulation.
    """
    made = builder(name, data_dir)
    folder = Path(made.data_dir)
    if made.is_prepared():
        return folder
    simulations = made.tasks() if hasattr(made, "tasks") else []
    runner = runner or getattr(made, "RUNNER", None)
    if runner is None or workers_ is not None:
        workers.fill(simulations, workers_, progress)
    else:
        pipeline.fill(simulations, runner, progress=progress)
    _room(folder, int(SLACK * chunks.stored_bytes(simulations)))
    prepare(made)
    if not getattr(made, "SHARED", False):  # other configs are painted on the same simulations
        chunks.clear(simulations)
    return folder


def prepare(made: tfds.core.DatasetBuilder) -> None:
    """Let TFDS write a dataset: offline, and with Beam kept off our command line.

    Raises
    ------
    DatasetError
        If the files cannot be written; nothing half-written stays behind.
    """
    folder = Path(made.data_dir)
    # a killed build leaves its folder, which TFDS never removes
    for path in folder.parent.glob(f"incomplete.*_{folder.name}"):
        shutil.rmtree(path, ignore_errors=True)
    try:
        beam = importlib.import_module("apache_beam.options.pipeline_options")
        options = beam.PipelineOptions(flags=[])
    except ImportError:
        options = None
    config = tfds.download.DownloadConfig(try_download_gcs=False, beam_options=options)
    with file_errors(folder), redirect_stdout(sys.stderr):  # TFDS prints as it goes
        made.download_and_prepare(download_config=config)


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Turn what TFDS and TensorFlow raise when they cannot write into one clear error."""
    try:
        yield
    except OSError as error:
        raise chunks.refused(error, folder.parent) from error
    except Exception as error:
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's, not imported for this
            raise
        full = OSError(errno.ENOSPC, str(error))
        raise chunks.refused(full, folder.parent) from error


def _room(folder: Path, needed: int) -> None:
    """Refuse to start writing what does not fit."""
    existing: Any = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise DatasetError(
            f"{folder.parent} needs {needed / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB "
            "free. The simulations are kept: free some space or choose another folder "
            "(--data-dir or TFDS_DATA_DIR), and run the same command again"
        )
