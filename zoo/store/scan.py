"""Whether a SavedModel is mathematics only, judged from its protobuf before anything is loaded.

TensorFlow is no sandbox: a graph can write files as it loads or when it is called. The scan walks
all that TensorFlow would act on in `saved_model.pb`: nodes, function library, calls, constants,
signatures, assets, the saver and the object graph.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from zoo.errors import ReleaseError
from zoo.store import reach
from zoo.store.ops import ALLOWED, CHECKPOINT
from zoo.store.protos import message

RULES = 1  # raise it with every change of what is refused: verdicts are remembered
GRAPH = "saved_model.pb"
# TensorFlow reads these too if they are there; the zoo never writes them.
STRANGERS = ("saved_model.pbtxt", "saved_model.cpb", "assets", "assets.extra", "debug")
LIMIT = 256 * 2**20  # bytes of a graph: ours have one or two million
ELEMENTS = 2**24  # of a constant, or of all together, that the file does not spell out
RESOURCE, VARIANT = 20, 21  # DataType; a constant of these is decoded into something live
_FUNCTION = re.compile(r"^(__|[a-z])")  # no primitive op is called like this


def scan(folder: Path) -> None:
    """Refuse the SavedModel of a release folder if it could do more than compute.

    A folder without `saved_model.pb` has nothing to scan.

    Raises
    ------
    ReleaseError
        Naming the op, or what else it is, and where it sits.
    """
    for name in STRANGERS:
        stranger = folder / name
        if stranger.is_file() or (stranger.is_dir() and any(stranger.iterdir())):
            raise ReleaseError(f"{stranger} has no place in a release; nothing was loaded")
    path = folder / GRAPH
    if not path.is_file():
        return
    if (size := path.stat().st_size) > LIMIT:
        raise ReleaseError(f"{path} has {size} bytes, allowed: {LIMIT}")
    stored = sum(file.stat().st_size for file in folder.glob("variables/variables.data-*"))
    try:
        check(path.read_bytes(), stored)
    except ReleaseError as error:
        raise ReleaseError(f"{path}: {error}; nothing was loaded") from error


def check(content: bytes, stored: int = 0) -> None:
    """Judge a serialised SavedModel whose variables take `stored` bytes on disk; see `scan`."""
    model = message("SavedModel")()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ReleaseError(f"the SavedModel cannot be read: {error}") from error
    if len(model.meta_graphs) != 1:
        raise ReleaseError(f"it holds {len(model.meta_graphs)} graphs instead of one")
    _Scan(model.meta_graphs[0]).run(stored)


class _Scan:
    """One graph with its functions.

    Attributes
    ----------
    functions : dict
        Name -> nodes of each function of the library.
    files : set of str
        Functions that read or write checkpoints, which only the saver may call.
    saver : set of str
        Nodes of the graph that are the saver's.
    """

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.functions: dict[str, Any] = {}
        for function in graph.graph.library.functions:
            name = function.signature.name
            if name in self.functions:
                raise ReleaseError(f"function {name!r} is defined twice")
            if not _FUNCTION.match(name):
                raise ReleaseError(f"function {name!r} bears a name that an op could have")
            self.functions[name] = function.nodes
        self.files = {
            name
            for name, nodes in self.functions.items()
            if any(node.op in CHECKPOINT for node in nodes)
        }
        self.saver = reach.saver_nodes(graph)
        self.unspelled = 0

    def run(self, stored: int) -> None:
        self._library()
        for node in self.graph.graph.nodes:
            self._check(node, "the graph", own=False, saver=node.name in self.saver)
        for name, nodes in self.functions.items():
            place, own = f"function {name!r}", name in self.files
            for node in nodes:
                self._check(node, place, own)
        reach.entrances(self.graph)
        reach.restoring(self.graph, self.functions)
        reach.objects(self.graph, self._called, stored)

    def _check(self, node: Any, place: str, own: bool, saver: bool = False) -> None:
        """One node, in one pass: graphs have thousands."""
        if node.op not in ALLOWED:
            self._op(node, f"node {node.name!r} of {place}", own)
        for entry in node.attributes:
            value = entry.value
            if value.HasField("tensor"):
                self._constant(value.tensor, node)
            if value.HasField("function"):
                self._call(value.function, f"node {node.name!r} of {place}", saver)
            if value.HasField("list"):
                for tensor in value.list.tensors:
                    self._constant(tensor, node)
                for call in value.list.functions:
                    self._call(call, f"node {node.name!r} of {place}")

    def _op(self, node: Any, where: str, own: bool) -> None:
        if node.op in CHECKPOINT:
            if not own:
                raise ReleaseError(f"op {node.op!r} at {where} reads or writes files there")
        elif node.op in self.functions:
            self._called(node.op, where)
        else:
            raise ReleaseError(f"op {node.op!r} at {where} is not on the list of harmless ops")

    def _called(self, name: str, where: str, saver: bool = False) -> None:
        if name not in self.functions:
            raise ReleaseError(f"{where} calls {name!r}, which is not in the function library")
        if name in self.files and not saver:
            raise ReleaseError(f"{where} calls {name!r}, which reads or writes files")

    def _call(self, call: Any, where: str, saver: bool = False) -> None:
        self._called(call.name, where, saver)
        self._calls(call.attributes, where)

    def _calls(self, attributes: Any, where: str) -> None:
        """Functions that attributes of calls and functions name, however deep."""
        for entry in attributes:
            if entry.value.HasField("function"):
                self._call(entry.value.function, where)
            for call in entry.value.list.functions:
                self._call(call, where)

    def _constant(self, tensor: Any, node: Any) -> None:
        """Refuse tensors that are live objects, or far larger in memory than in the file."""
        if tensor.dtype in (RESOURCE, VARIANT):
            raise ReleaseError(f"node {node.name!r} holds a constant that is no number")
        size = reach.elements(tensor.shape, f"the constant of node {node.name!r}")
        if size > len(tensor.content):
            self.unspelled += size
        if self.unspelled > ELEMENTS:
            raise ReleaseError(
                f"node {node.name!r} declares a constant of {size} elements that the file does not "
                f"spell out, allowed: {ELEMENTS}"
            )

    def _library(self) -> None:
        """Calls that functions make other than by their nodes."""
        library = self.graph.graph.library
        for function in library.functions:
            where = f"an attribute of function {function.signature.name!r}"
            self._calls(function.attributes, where)
        for gradient in library.gradients:
            for name in (gradient.of, gradient.by):
                self._called(name, "a gradient of the library")
        for gradient in library.custom:
            self._called(gradient.by, "a gradient of the library")
