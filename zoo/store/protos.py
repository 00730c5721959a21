"""The part of TensorFlow's SavedModel format that the scan reads, without importing TensorFlow.

Field names are ours, numbers are TensorFlow's (`saved_model.proto`, `meta_graph.proto`,
`graph.proto`, `function.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto`,
`saved_object_graph.proto`). Fields that are not named here are kept unread by protobuf. Maps are
read as what they are on the wire, repeated entries, so that a key given twice is seen twice.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# message -> {field: (number, type)}; "*" marks a repeated field.
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "SavedModel": {"meta_graphs": (2, "*MetaGraph")},
    "MetaGraph": {
        "graph": (2, "Graph"),
        "saver": (3, "Saver"),
        "collections": (4, "*CollectionEntry"),
        "signatures": (5, "*SignatureEntry"),
        "assets": (6, "*Keyed"),
        "objects": (7, "Objects"),
    },
    "Keyed": {"key": (1, "bytes")},
    "CollectionEntry": {"key": (1, "string"), "value": (2, "Collection")},
    "Collection": {"nodes": (1, "Names")},
    "Graph": {"nodes": (1, "*Node"), "library": (2, "Library")},
    "Saver": {"filename": (1, "string"), "save": (2, "string"), "restore": (3, "string")},
    "SignatureEntry": {"key": (1, "string"), "value": (2, "Signature")},
    "Signature": {"inputs": (1, "*TensorEntry"), "outputs": (2, "*TensorEntry")},
    "TensorEntry": {"key": (1, "string"), "value": (2, "TensorInfo")},
    "TensorInfo": {"name": (1, "string"), "sparse": (4, "Keyed"), "composite": (5, "Keyed")},
    "Library": {
        "functions": (1, "*Function"),
        "gradients": (2, "*Gradient"),
        "custom": (3, "*CustomGradient"),
    },
    "Gradient": {"of": (1, "string"), "by": (2, "string")},
    "CustomGradient": {"by": (1, "string")},
    "Function": {
        "signature": (1, "FunctionName"),
        "nodes": (3, "*Node"),
        "attributes": (5, "*AttributeEntry"),
    },
    "FunctionName": {"name": (1, "string")},
    "Node": {
        "name": (1, "string"),
        "op": (2, "string"),
        "inputs": (3, "*string"),
        "attributes": (5, "*AttributeEntry"),
    },
    "AttributeEntry": {"key": (1, "string"), "value": (2, "Attribute")},
    "Attribute": {"list": (1, "Attributes"), "tensor": (8, "Tensor"), "function": (10, "Call")},
    "Attributes": {"tensors": (8, "*Tensor"), "functions": (9, "*Call")},
    "Call": {"name": (1, "string"), "attributes": (2, "*AttributeEntry")},
    "Tensor": {"dtype": (1, "int32"), "shape": (2, "Shape"), "content": (4, "bytes")},
    "Shape": {"dims": (2, "*Dim")},
    "Dim": {"size": (1, "int64")},
    "Objects": {"nodes": (1, "*Object"), "concrete": (2, "*Keyed")},
    "Object": {
        "children": (1, "*Child"),
        "user": (4, "Keyed"),
        "asset": (5, "Keyed"),
        "function": (6, "Names"),
        "variable": (7, "Variable"),
        "bare": (8, "FunctionName"),
        "constant": (9, "Keyed"),
        "resource": (10, "Keyed"),
        "saveables": (11, "*Keyed"),
        "captured": (12, "Captured"),
        "registered_name": (13, "string"),
        "registered_saver": (16, "string"),
    },
    "Child": {"node": (1, "int32"), "name": (2, "string")},
    "Names": {"names": (1, "*string")},
    "Variable": {"dtype": (1, "int32"), "shape": (2, "Shape"), "name": (6, "string")},
    "Captured": {"name": (1, "string"), "concrete": (2, "string")},
}

SCALARS = {"string": 9, "bytes": 12, "int32": 5, "int64": 3}  # FieldDescriptorProto.Type
_PACKAGE = "zoo.scan"


@cache
def message(name: str) -> Any:
    """The class of one of `MESSAGES`."""
    pool = _pool()
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    """All messages in a pool of their own, beside TensorFlow's."""
    file = descriptor_pb2.FileDescriptorProto(
        name="zoo/scan.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            entry = described.field.add(name=field, number=number)
            plain = kind.removeprefix("*")
            entry.label = entry.LABEL_OPTIONAL if plain == kind else entry.LABEL_REPEATED
            if plain in SCALARS:
                entry.type = SCALARS[plain]
            else:
                entry.type, entry.type_name = entry.TYPE_MESSAGE, f".{_PACKAGE}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
