"""What surrounds the nodes of a SavedModel: signatures, saver, object graph; part of `scan`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from zoo.errors import ReleaseError
from zoo.store.ops import CHECKPOINT

REGISTERED = {"", "tf.TrackableConstant"}  # names of TensorFlow's own classes
MAIN = "saved_model_main_op"
READS = "RestoreV2"  # the one op of checkpoints that only reads
RANK = 16  # TensorFlow's own limit is 254
BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 14: 2, 17: 2, 18: 16, 19: 2, 22: 4,
         23: 8}  # fmt: skip
# What a tf.Module with signatures consists of. Tables, assets and revived classes are refused.
OBJECTS = {
    b"_generic_user_object",
    b"signature_map",
    b"trackable_dict_wrapper",
    b"trackable_list_wrapper",
    b"trackable_tuple_wrapper",
}


def entrances(graph: Any) -> None:
    """What can be asked of the graph must not lead into the saver; there are no assets."""
    if graph.assets:
        raise ReleaseError("it has assets, which a table or a reader would open")
    targets = []
    for entry in graph.collections:
        if entry.key != MAIN:
            raise ReleaseError(f"it has a collection {entry.key!r}, allowed: {MAIN!r}")
        targets += [("the main op", name) for name in entry.value.nodes.names]
    for entry in graph.signatures:
        where = f"signature {entry.key!r}"
        for tensor in (*entry.value.inputs, *entry.value.outputs):
            if tensor.value.HasField("sparse") or tensor.value.HasField("composite"):
                raise ReleaseError(f"{where} has {tensor.key!r}, which is no plain tensor")
            targets.append((where, tensor.value.name))
    nodes = {node.name: node for node in graph.graph.nodes}
    if len(nodes) < len(graph.graph.nodes):
        raise ReleaseError("two nodes of the graph bear one name")
    saver = saver_nodes(graph)
    for where, name in targets:
        if reached := _upstream(node_of(name), nodes) & saver:
            raise ReleaseError(f"{where} leads to {min(reached)!r}, a node of the saver")


def restoring(graph: Any, functions: dict[str, Any]) -> None:
    """TensorFlow Serving runs the restore node as it loads: it may read, and nothing else."""
    save, restore = node_of(graph.saver.save), node_of(graph.saver.restore)
    if not restore:
        return
    nodes = {node.name: node for node in graph.graph.nodes}
    reached = _upstream(restore, nodes)
    if save in reached:
        raise ReleaseError(f"restoring leads to {save!r}, which saves")
    for name in reached & set(nodes):
        for entry in nodes[name].attributes:
            called = entry.value.function.name
            for node in functions.get(called, ()):
                if node.op in CHECKPOINT and node.op != READS:
                    raise ReleaseError(
                        f"op {node.op!r} in function {called!r} would write while restoring"
                    )


def objects(graph: Any, called: Callable[[str, str], None], stored: int) -> None:
    """The object graph, which `tf.saved_model.load` makes Python objects of."""
    things = graph.objects
    if not things.nodes:
        raise ReleaseError("it has no object graph: TensorFlow would run it as a version 1")
    names = [entry.key.decode(errors="replace") for entry in things.concrete]
    total = 0
    for index, thing in enumerate(things.nodes):
        where = f"object {index}"
        if thing.HasField("user") and thing.user.key not in OBJECTS:
            kind = thing.user.key.decode(errors="replace")
            raise ReleaseError(f"{where} is a {kind!r}, not one of a plain tf.Module")
        for kind in ("asset", "resource"):
            if thing.HasField(kind):
                raise ReleaseError(f"{where} is {kind!r}: tables and files are not allowed")
        if thing.registered_name not in REGISTERED or thing.registered_saver or thing.saveables:
            raise ReleaseError(f"{where} brings its own way to be restored")
        names += [*thing.function.names, thing.bare.name, thing.captured.concrete]
        if thing.HasField("variable"):
            variable = thing.variable
            what = f"variable {variable.name!r}"
            if variable.dtype not in BYTES:
                raise ReleaseError(f"{what} is of type {variable.dtype}, which is no number")
            total += BYTES[variable.dtype] * elements(variable.shape, what)
            if total > stored:
                raise ReleaseError(f"{what} is larger than the {stored} bytes of variables")
    for name in filter(None, names):
        called(name, "the object graph")


def saver_nodes(graph: Any) -> set[str]:
    """Names of the nodes of the graph that save and restore, and that take the path."""
    saver = graph.saver
    return {node_of(name) for name in (saver.filename, saver.save, saver.restore)} - {""}


def node_of(tensor: str) -> str:
    """The node of "node:0", "node" or the control input "^node"."""
    return tensor.removeprefix("^").partition(":")[0]


def _upstream(start: str, nodes: dict[str, Any]) -> set[str]:
    """Names of the nodes that a node needs, itself included."""
    found, todo = {start}, [start]
    while todo:
        node = nodes.get(todo.pop())
        for name in map(node_of, node.inputs if node is not None else ()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def elements(shape: Any, what: str) -> int:
    """Number of elements of a shape, which has to be known."""
    sizes = [dim.size for dim in shape.dims]
    if len(sizes) > RANK or any(size < 0 for size in sizes):
        raise ReleaseError(f"{what} has the shape {sizes[:RANK]}")
    return math.prod(sizes)
