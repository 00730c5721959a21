"""A release over a sharded collection, as an Apache Beam pipeline that can be resumed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from zoo import registry
from zoo.errors import InputError, ZooError
from zoo.inference import shards
from zoo.inference.beam_handler import ZooModelHandler
from zoo.ranges import Outside
from zoo.readers import command, files

FACTS = "zoo.json"  # in the folder of the answers: the release that gave them
ANSWER, ERROR = ".fits", ".error"
NAMESPACE = "zoo"


@dataclass(frozen=True)
class Run:
    """What a run over a collection did.

    Attributes
    ----------
    shards, skipped, failed : int
        Shards answered now, answered before, and refused; why stands in `<shard>.error`.
    objects : int
        In the shards answered now.
    wall_s, predict_s : float
        Of the whole pipeline, and of the model's own work in it.
    """

    shards: int
    skipped: int
    failed: int
    objects: int
    wall_s: float
    predict_s: float

    def __str__(self) -> str:
        text = f"{self.shards} shards, {self.skipped} skipped, {self.failed} failed"
        if not self.objects:
            return text
        return (
            f"{text}; {self.objects} objects in {self.wall_s:.1f} s: "
            f"{self.objects / self.wall_s:.0f} per second, "
            f"{self.objects / max(self.predict_s, 1e-9):.0f} per second of prediction"
        )


def run(
    name: str,
    source: Path,
    into: Path,
    *,
    runner: Any = "DirectRunner",
    options: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    outside: Outside = "warn",
) -> Run:
    """Predict every shard of a collection; a run that was stopped continues with what is left.

    Parameters
    ----------
    name : str
        Model of the zoo.
    source : Path
        Folder of shards (npz, HDF5, ECSV, FITS; survey files for models of spectra), or of a
        dataset prepared by TFDS.
    into : Path
        Folder that gets one FITS table for each shard; each appears complete or not at all.
    runner : str or PipelineRunner
        Beam's name of it. "DirectRunner" is this machine.
    options : sequence of str
        Beam's own, such as "direct_num_workers=2".
    settings : dict, optional
        As `--set`.
    outside : str
        As of `Model.predict`.

    Raises
    ------
    InputError
        If there are no shards, or the folder holds answers of another release.
    """
    found = shards.find(source)
    release = registry.find_release(name)
    _claim(into, name, release.manifest.version)
    left = [path for path in found if not answer(into, path).exists()]
    if not left:
        return Run(0, len(found), 0, 0, 0.0, 0.0)
    handler = KeyedModelHandler(ZooModelHandler(name, release.manifest.version, outside))
    begin = time.perf_counter()
    flags = [f"--{option}" for option in options]
    pipeline = beam.Pipeline(_runner(runner), PipelineOptions(flags))
    (
        pipeline
        | "shards" >> beam.Create([str(path) for path in left])
        | "spread" >> beam.Reshuffle()
        | "read" >> beam.ParDo(Read(name, settings or {}, str(into)))
        | "predict" >> RunInference(handler)
        | "write" >> beam.ParDo(Write(str(into)))
    )
    result = pipeline.run()
    result.wait_until_finish()
    count = _counts(result)
    return Run(
        shards=count.get("shards", 0),
        skipped=len(found) - len(left),
        failed=count.get("failed", 0),
        objects=count.get("objects", 0),
        wall_s=time.perf_counter() - begin,
        predict_s=count.get("inference_batch_latency_micro_secs", 0) / 1e6,
    )


class Read(beam.DoFn):
    """From the path of a shard to ((path, observation), inputs)."""

    def __init__(self, name: str, settings: dict[str, Any], into: str) -> None:
        super().__init__()
        self.name, self.settings, self.into = name, settings, into

    def process(self, element: str) -> Iterator[tuple[tuple[str, Any], Any]]:
        """One shard; one that cannot be read leaves its message."""
        try:
            inputs, observed = shards.read(Path(element), self.name, self.settings)
            yield (element, observed), inputs
        except (ZooError, OSError) as error:
            _refuse(Path(self.into), Path(element), error)


class Write(beam.DoFn):
    """From ((path, observation), answer) to a file."""

    def __init__(self, into: str) -> None:
        super().__init__()
        self.into = into

    def process(self, element: tuple[tuple[str, Any], Any]) -> None:
        """One shard; one that was refused leaves the message."""
        (path, observed), found = element
        if isinstance(found, InputError):
            _refuse(Path(self.into), Path(path), found)
            return
        table = command.labelled(found, observed)
        files.write_table(table, answer(Path(self.into), Path(path)))
        _error(Path(self.into), Path(path)).unlink(missing_ok=True)
        Metrics.counter(NAMESPACE, "shards").inc()
        Metrics.counter(NAMESPACE, "objects").inc(len(table))


def answer(into: Path, shard: Path) -> Path:
    """The file with the answers of a shard."""
    return into / f"{shard.name}{ANSWER}"


def _error(into: Path, shard: Path) -> Path:
    return into / f"{shard.name}{ERROR}"


def _refuse(into: Path, shard: Path, error: Exception) -> None:
    _error(into, shard).write_text(f"{error}\n", encoding="utf-8")
    Metrics.counter(NAMESPACE, "failed").inc()


def _claim(into: Path, name: str, version: int) -> None:
    """Say in the folder whose answers it holds, or refuse to mix releases."""
    facts = {"model": name, "version": version}
    path = into / FACTS
    if path.is_file():
        held = json.loads(path.read_text(encoding="utf-8"))
        if held != facts:
            raise InputError(f"{into} holds answers of {held}, not of {facts}: take another folder")
        return
    if into.exists() and any(into.iterdir()):
        raise InputError(f"{into} holds other files; give an empty folder or a new one")
    into.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _runner(runner: Any) -> Any:
    """Beam's runner; on this machine the one that needs no other program, which Prism is."""
    if runner != "DirectRunner":
        return runner
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return FnApiRunner()


def _counts(result: Any) -> dict[str, int]:
    """Counters and sums of distributions by name."""
    found = result.metrics().query()
    count = {one.key.metric.name: one.result for one in found["counters"]}
    return count | {one.key.metric.name: one.result.sum for one in found["distributions"]}
