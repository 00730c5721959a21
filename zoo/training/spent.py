"""Time that a training took, over all the runs that a kill cut it into."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Self

EVERY = 20.0  # s, between two writes: what a kill may leave uncounted


class Spent:
    """A context that adds up time on the clock and of the processor.

    With a folder, the sums are written there every `EVERY` seconds and when the context ends,
    whatever ends it; another context with the same folder goes on from them. A run that is done
    over from a checkpoint counts all that was spent, what is done twice included.

    Parameters
    ----------
    folder : Path, optional
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "spent.json"
        self._before = {"wall_s": 0.0, "cpu_s": 0.0}
        if self._file is not None and self._file.is_file():
            self._before = json.loads(self._file.read_text(encoding="utf-8"))
        self._begin = time.perf_counter(), time.process_time()
        self._done = threading.Event()
        self._writer = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        """Start the clocks."""
        self._begin = time.perf_counter(), time.process_time()
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._writer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Write the sums."""
        self._done.set()
        if self._file is not None:
            self._writer.join()

    def total(self) -> dict[str, float]:
        """``wall_s`` and ``cpu_s`` so far, of this run and those before it [s]."""
        now = time.perf_counter(), time.process_time()
        return {
            name: round(before + end - begin, 2)
            for (name, before), begin, end in zip(
                self._before.items(), self._begin, now, strict=True
            )
        }

    def _write(self) -> None:
        last = False
        while self._file is not None and not last:
            last = self._done.wait(EVERY)  # whether the context has ended
            part = self._file.with_name("part.spent.json")
            part.write_text(json.dumps(self.total()), encoding="utf-8")
            part.replace(self._file)
