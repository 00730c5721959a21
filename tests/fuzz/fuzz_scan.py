"""Attack the scan of SavedModels: coverage-guided with atheris, else at random.

    python tests/fuzz/fuzz_scan.py [--seconds 120] [--random]

An input is a list of changes to a real model (the museum's), as an attacker would make them, and
then bytes at its end. Two things count as a find: any exception but `ReleaseError`, and a graph
that the scan lets through although TensorFlow's own protobufs, walked by other code, hold an op
that is not allowed. An input that was found is left as `crash-*` by atheris.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

MUSEUM = Path(__file__).parents[1] / "museum" / "format_1" / "toy" / "1" / "saved_model.pb"
VARIABLES = 28  # bytes of the toy's variables
NAMES = ["WriteFile", "ReadFile", "SaveV2", "RestoreV2", "PyFunc", "Mul", "PartitionedCall", "If",
         "MatMul", "__evil", "nowhere", ""]  # fmt: skip


class Choices:
    """Decisions read off bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, below: int) -> int:
        self.at += 2
        return int.from_bytes(self.data[self.at - 2 : self.at], "little") % max(1, below)

    def of(self, options: Any) -> Any:
        return options[self.number(len(options))] if len(options) else None

    def rest(self) -> bytes:
        return self.data[self.at :]


def change(model: Any, choose: Choices) -> None:
    """One change of a parsed model."""
    graph = model.meta_graphs[0] if model.meta_graphs else model.meta_graphs.add()
    library = graph.graph.library
    functions = [function.signature.name for function in library.functions]
    name = choose.of(NAMES + functions)
    group = choose.of([graph.graph.nodes, *(function.nodes for function in library.functions)])
    node = choose.of(group) or group.add(name="new")
    kind = choose.number(12)
    if kind == 0:
        node.op = name
    elif kind == 1:
        group.add(name=name, op=name)
    elif kind == 2:
        node.attributes.add(key="f").value.function.name = name
    elif kind == 3:
        node.attributes.add(key="b").value.list.functions.add(name=name)
    elif kind == 4:
        tensor = node.attributes.add(key="value").value.tensor
        tensor.dtype = choose.number(30)
        tensor.shape.dims.add(size=2 ** choose.number(63) - choose.number(2))
    elif kind == 5:
        library.functions.add().signature.name = name
    elif kind == 6:
        library.functions.add().CopyFrom(choose.of(library.functions))
    elif kind == 7:
        graph.objects.nodes.add().bare.name = name
    elif kind == 8:
        target = graph.signatures.add(key="s").value.outputs.add().value
        target.name = (choose.of(graph.graph.nodes) or node).name
    elif kind == 9:
        node.inputs.append(choose.of(["^", ""]) + (choose.of(graph.graph.nodes) or node).name)
    elif kind == 10:
        graph.saver.save = choose.of([node.name, name])
    else:
        library.gradients.add(of=name, by=choose.of(NAMES + functions))


@cache
def seed() -> bytes:
    return MUSEUM.read_bytes()


def one(data: bytes) -> bool:
    """Judge one input; True if it passed the scan.

    Raises
    ------
    AssertionError
        If it passed and should not have.
    """
    from zoo.errors import ReleaseError
    from zoo.store import scan
    from zoo.store.protos import message

    model = message("SavedModel")()
    model.ParseFromString(seed())
    choose = Choices(data)
    for _ in range(choose.number(6)):
        change(model, choose)
    content = model.SerializeToString() + choose.rest()
    try:
        scan.check(content, VARIABLES)
    except ReleaseError:
        return False
    check(content)
    return True


def check(content: bytes) -> None:
    """Judge again by TensorFlow's own protobufs: all NodeDefs, wherever they sit."""
    from tensorflow.core.framework import node_def_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    from zoo.store.ops import ALLOWED, CHECKPOINT

    model = saved_model_pb2.SavedModel()
    model.ParseFromString(content)
    (graph,) = model.meta_graphs
    functions = {function.signature.name for function in graph.graph_def.library.function}
    found: list[Any] = []
    walk(graph.graph_def, node_def_pb2.NodeDef, found)
    strange = {node.op for node in found} - ALLOWED - CHECKPOINT - functions
    assert not strange, f"the scan let {strange} pass"
    assert not {node.op for node in graph.graph_def.node} & CHECKPOINT, "a saver in the graph"
    called = {node.attr["f"].func.name for node in graph.graph_def.node if "f" in node.attr}
    assert called <= functions, "a call into the void passed"


def walk(message: Any, kind: Any, found: list[Any]) -> None:
    """Collect the messages of one kind inside another."""
    if isinstance(message, kind):
        found.append(message)
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts = list(value.values()) if hasattr(value, "values") else []
        else:
            parts = list(value) if field.is_repeated else [value]
        for part in parts:
            if hasattr(part, "ListFields"):
                walk(part, kind, found)


def at_random(seconds: float, runs: int | None = None, number: int = 20061) -> tuple[int, int]:
    """Random inputs for so long, or so many; returns how many there were and how many passed."""
    source, end = random.Random(number), time.monotonic() + seconds  # noqa: S311 (no secret)
    done = passed = 0
    while time.monotonic() < end and done != runs:
        length = source.randrange(40)
        tail = source.randbytes(source.randrange(8)) if source.random() < 0.2 else b""
        passed += one(source.randbytes(length).ljust(64, b"\0").rstrip(b"\0") + tail)
        done += 1
    return done, passed


def guided(seconds: int) -> None:
    """Let atheris look for inputs that reach new branches of the scan."""
    import atheris

    with atheris.instrument_imports(include=["zoo.store"]):
        from zoo.store import protos, scan  # noqa: F401 (imported to be instrumented)
    import tensorflow  # noqa: F401, ICN001 (before the clock starts)

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=200"], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz, and exit with an error if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--random", action="store_true", help="without atheris")
    arguments = parser.parse_args()
    if not arguments.random:
        try:
            guided(arguments.seconds)
        except ImportError:
            print("atheris is not installed: random inputs instead")  # noqa: T201 (a script)
        else:
            return
    done, passed = at_random(arguments.seconds)
    text = f"{done} inputs, {passed} passed the scan and the second look, nothing found"
    print(text)  # noqa: T201 (a script)


if __name__ == "__main__":
    main()
