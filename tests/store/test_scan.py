"""Hostile SavedModels, written by hand as protobufs, are refused before TensorFlow sees them."""

import os
import shutil
import subprocess
import sys

import pytest

from zoo import registry
from zoo.errors import ReleaseError
from zoo.store import ops, scan
from zoo.store.protos import MESSAGES, message

FLOAT, STRING, RESOURCE, VARIANT = 1, 7, 20, 21
CLEAN = "__inference_f_1"


def clean():
    """A small model as `tf.saved_model.save` writes it: one function, one signature, a saver."""
    model = message("SavedModel")()
    graph = model.meta_graphs.add()
    add(graph.graph.nodes, "x", "Placeholder")
    call(add(graph.graph.nodes, "Call", "PartitionedCall", "x"), CLEAN)
    add(graph.graph.nodes, "NoOp", "NoOp")
    add(graph.graph.nodes, "saver_filename", "Placeholder")
    call(add(graph.graph.nodes, "Save", "StatefulPartitionedCall", "saver_filename"), "__save")
    call(add(graph.graph.nodes, "Load", "StatefulPartitionedCall", "saver_filename"), "__load")
    function(graph, CLEAN, ("mul", "Mul"), ("exp", "Exp"))
    function(graph, "__save", ("save", "SaveV2"), ("merge", "MergeV2Checkpoints"))
    function(graph, "__load", ("load", "RestoreV2"), ("assign", "AssignVariableOp"))
    saver = graph.saver
    saver.filename, saver.save, saver.restore = "saver_filename:0", "Save:0", "Load"
    signature(graph, "serving_default", "x:0", "Call:0")
    graph.collections.add(key="saved_model_main_op").value.nodes.names.append("NoOp")
    root = graph.objects.nodes.add()
    root.user.key = b"_generic_user_object"
    root.children.add(node=1, name="w")
    variable = graph.objects.nodes.add().variable
    variable.dtype, variable.name = FLOAT, "w"
    variable.shape.dims.add(size=3)
    graph.objects.nodes.add().bare.name = CLEAN
    graph.objects.concrete.add(key=CLEAN.encode())
    return model


def add(nodes, name, op, *inputs):
    node = nodes.add(name=name, op=op)
    node.inputs.extend(inputs)
    return node


def call(node, name):
    node.attributes.add(key="f").value.function.name = name


def function(graph, name, *nodes):
    made = graph.graph.library.functions.add()
    made.signature.name = name
    for node in nodes:
        add(made.nodes, *node)
    return made


def signature(graph, key, reads, gives):
    made = graph.signatures.add(key=key).value
    made.inputs.add(key="x").value.name = reads
    made.outputs.add(key="y").value.name = gives


def tensor(node, dtype, *shape, content=b""):
    value = node.attributes.add(key="value").value.tensor
    value.dtype, value.content = dtype, content
    for size in shape:
        value.shape.dims.add(size=size)


def judge(model, stored=12):
    scan.check(model.SerializeToString(), stored)


def test_the_clean_model_passes():
    judge(clean())


HOSTILE = {}


def hostile(message_):
    """Register a change of the clean model, with what its refusal has to say."""

    def register(change):
        HOSTILE[change.__name__] = change, message_
        return change

    return register


OFFENDERS = """
WriteFile ReadFile WholeFileReaderV2 TextLineReaderV2 MatchingFiles PyFunc EagerPyFunc
PyFuncStateless OneShotIterator IteratorV2 MakeIterator TextLineDataset TFRecordDataset
GeneratorDataset HashTableV2 InitializeTableFromTextFileV2 LookupTableImportV2 PrintV2 Print
ImmutableConst XlaCallModule XlaLaunch LoadDataset SaveDatasetV2 Abort DecodeProtoV2
ParseExampleV2 RpcClient DebugIdentityV3 CollectiveReduceV2 _Send _Recv RegisterDataset
TPUExecute LoadLibrary GetSessionHandle AudioSummary WriteSummary CreateSummaryFileWriter
SymbolicGradient RemoteCall Batch BatchFunction Copy CustomAggregator TensorArrayV3
QueueDequeueV2 AnUnheardOfOp
"""
for _op in OFFENDERS.split():

    def _in_a_function(model, op=_op):
        function(model.meta_graphs[0], "__inference_g_2", ("inner", op))

    def _in_the_graph(model, op=_op):
        add(model.meta_graphs[0].graph.nodes, "outer", op)

    says = f"op {_op!r} at node %s is not on the list of harmless ops"
    HOSTILE[f"{_op} in a function"] = _in_a_function, says % "'inner' of function '__inference_g_2'"
    HOSTILE[f"{_op} in the graph"] = _in_the_graph, says % "'outer' of the graph"


@hostile("op 'SaveV2' at node 'outer' of the graph reads or writes files there")
def a_checkpoint_op_outside_the_saver(model):
    add(model.meta_graphs[0].graph.nodes, "outer", "SaveV2")


@hostile("the object graph calls '__inference_g_2', which reads or writes files")
def a_checkpoint_op_that_can_be_called(model):
    graph = model.meta_graphs[0]
    function(graph, "__inference_g_2", ("inner", "RestoreV2"))
    graph.objects.nodes.add().bare.name = "__inference_g_2"


@hostile("the object graph calls '__save', which reads or writes files")
def the_saver_as_a_concrete_function(model):
    model.meta_graphs[0].objects.concrete.add(key=b"__save")


@hostile("the object graph calls '__save', which reads or writes files")
def the_saver_as_a_polymorphic_function(model):
    model.meta_graphs[0].objects.nodes.add().function.names.append("__save")


@hostile("the object graph calls '__load', which reads or writes files")
def the_saver_as_a_captured_tensor(model):
    model.meta_graphs[0].objects.nodes.add().captured.concrete = "__load"


@hostile("node 'again' of the graph calls '__save', which reads or writes files")
def the_saver_called_by_another_node(model):
    call(add(model.meta_graphs[0].graph.nodes, "again", "PartitionedCall"), "__save")


@hostile("node 'again' of function '__inference_g_2' calls '__save'")
def the_saver_called_by_a_function(model):
    call(add(function(model.meta_graphs[0], "__inference_g_2").nodes, "again", "If"), "__save")


@hostile("node 'again' of function '__inference_g_2' calls '__save'")
def the_saver_called_as_an_op(model):
    function(model.meta_graphs[0], "__inference_g_2", ("again", "__save"))


@hostile("calls '__save', which reads or writes files")
def the_saver_in_a_list_of_branches(model):
    node = add(function(model.meta_graphs[0], "__inference_g_2").nodes, "again", "Case")
    node.attributes.add(key="branches").value.list.functions.add(name="__save")


@hostile("calls '__save', which reads or writes files")
def the_saver_in_an_attribute_of_a_call(model):
    node = add(function(model.meta_graphs[0], "__inference_g_2").nodes, "again", "While")
    inner = node.attributes.add(key="body").value.function
    inner.name = CLEAN
    inner.attributes.add(key="g").value.function.name = "__save"


@hostile("an attribute of function '__inference_g_2' calls '__save'")
def the_saver_in_an_attribute_of_a_function(model):
    made = function(model.meta_graphs[0], "__inference_g_2")
    made.attributes.add(key="grad").value.function.name = "__save"


@hostile("a gradient of the library calls '__save'")
def the_saver_as_a_gradient(model):
    library = model.meta_graphs[0].graph.library
    library.gradients.add(of=CLEAN, by="__save")


@hostile("a gradient of the library calls '__load'")
def the_saver_as_a_custom_gradient(model):
    model.meta_graphs[0].graph.library.custom.add(by="__load")


@hostile("signature 'steal' leads to 'Save', a node of the saver")
def the_saver_as_a_signature(model):
    signature(model.meta_graphs[0], "steal", "x:0", "Save:0")


@hostile("signature 'steal' leads to 'saver_filename', a node of the saver")
def the_path_of_the_saver_as_an_input(model):
    signature(model.meta_graphs[0], "steal", "saver_filename:0", "Call:0")


@hostile("signature 'steal' leads to 'Load', a node of the saver")
def the_saver_behind_a_control_input(model):
    graph = model.meta_graphs[0]
    add(graph.graph.nodes, "far", "Identity", "x", "^near")
    add(graph.graph.nodes, "near", "Identity", "Load:0")
    signature(graph, "steal", "x:0", "far:0")


@hostile("the main op leads to 'Save', a node of the saver")
def the_saver_as_the_main_op(model):
    model.meta_graphs[0].collections[0].value.nodes.names.append("Save")


@hostile("restoring leads to 'Save', which saves")
def a_restore_that_saves_first(model):
    nodes = model.meta_graphs[0].graph.nodes
    (load,) = (node for node in nodes if node.name == "Load")
    load.inputs.append("^Save")


@hostile("op 'SaveV2' in function '__load' would write while restoring")
def a_restore_that_writes(model):
    library = model.meta_graphs[0].graph.library
    (load,) = (made for made in library.functions if made.signature.name == "__load")
    add(load.nodes, "extra", "SaveV2")


@hostile("it has a collection 'queue_runners', allowed: 'saved_model_main_op'")
def a_collection(model):
    model.meta_graphs[0].collections.add(key="queue_runners")


@hostile("it has assets, which a table or a reader would open")
def an_asset(model):
    model.meta_graphs[0].assets.add()


@hostile("object 3 is a '_tf_keras_layer', not one of a plain tf.Module")
def a_revived_class(model):
    model.meta_graphs[0].objects.nodes.add().user.key = b"_tf_keras_layer"


@hostile("object 3 is 'resource': tables and files are not allowed")
def a_table(model):
    model.meta_graphs[0].objects.nodes.add().resource.SetInParent()


@hostile("object 3 is 'asset': tables and files are not allowed")
def an_asset_object(model):
    model.meta_graphs[0].objects.nodes.add().asset.SetInParent()


@hostile("object 0 brings its own way to be restored")
def a_registered_class(model):
    model.meta_graphs[0].objects.nodes[0].registered_name = "Custom.Thing"


@hostile("object 1 brings its own way to be restored")
def a_restore_function(model):
    model.meta_graphs[0].objects.nodes[1].saveables.add(key=b"w")


@hostile("object 1 brings its own way to be restored")
def a_registered_saver(model):
    model.meta_graphs[0].objects.nodes[1].registered_saver = "saver"


@hostile("variable 'w' is larger than the 12 bytes of variables")
def a_variable_of_a_terabyte(model):
    model.meta_graphs[0].objects.nodes[1].variable.shape.dims.add(size=2**40)


@hostile("variable 'w' has the shape")
def a_variable_of_negative_size(model):
    model.meta_graphs[0].objects.nodes[1].variable.shape.dims.add(size=-1)


@hostile("variable 'w' is of type 21, which is no number")
def a_variable_that_is_an_object(model):
    model.meta_graphs[0].objects.nodes[1].variable.dtype = VARIANT


@hostile("node 'big' declares a constant of 1099511627776 elements that the file does not spell")
def a_constant_of_a_terabyte(model):
    nodes = model.meta_graphs[0].graph.nodes
    tensor(add(nodes, "big", "Const"), FLOAT, 2**20, 2**20)


@hostile("declares a constant of 8388608 elements")
def many_large_constants(model):
    made = function(model.meta_graphs[0], "__inference_g_2")
    for index in range(3):
        tensor(add(made.nodes, f"c{index}", "Const"), FLOAT, 2**23)


@hostile("the constant of node 'big' has the shape")
def a_constant_of_many_dimensions(model):
    nodes = model.meta_graphs[0].graph.nodes
    tensor(add(nodes, "big", "Const"), FLOAT, *[2**62] * 200)


@hostile("node 'live' holds a constant that is no number")
def a_constant_that_is_an_object(model):
    tensor(add(function(model.meta_graphs[0], "__g").nodes, "live", "Const"), VARIANT)


@hostile("node 'live' holds a constant that is no number")
def a_resource_in_a_list_of_constants(model):
    node = add(model.meta_graphs[0].graph.nodes, "live", "Mul")
    node.attributes.add(key="values").value.list.tensors.add().dtype = RESOURCE


@hostile("calls 'nowhere', which is not in the function library")
def a_call_into_the_void(model):
    call(add(model.meta_graphs[0].graph.nodes, "again", "PartitionedCall"), "nowhere")


@hostile("function '__inference_f_1' is defined twice")
def a_function_defined_twice(model):
    function(model.meta_graphs[0], CLEAN, ("inner", "WriteFile"))


@hostile("function 'MatMul' bears a name that an op could have")
def a_function_that_poses_as_an_op(model):
    function(model.meta_graphs[0], "MatMul", ("inner", "Mul"))


@hostile("two nodes of the graph bear one name")
def a_node_defined_twice(model):
    add(model.meta_graphs[0].graph.nodes, "Call", "Identity")


@hostile("it holds 2 graphs instead of one")
def two_graphs(model):
    model.meta_graphs.add()


@hostile("it holds 0 graphs instead of one")
def no_graph(model):
    del model.meta_graphs[:]


@hostile("it has no object graph")
def a_model_of_version_1(model):
    model.meta_graphs[0].ClearField("objects")


@hostile("signature 'serving_default' has 'y', which is no plain tensor")
def a_composite_output(model):
    model.meta_graphs[0].signatures[0].value.outputs[0].value.composite.SetInParent()


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name):
    change, says = HOSTILE[name]
    model = clean()
    change(model)
    with pytest.raises(ReleaseError) as error:
        judge(model)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_second_value_of_a_field_does_not_hide_the_first():
    """Protobuf merges repeats of a message, and lets the last of a word win: as TensorFlow's."""
    evil = clean()
    function(evil.meta_graphs[0], "__inference_g_2", ("inner", "WriteFile"))
    for first, second in ((evil, clean()), (clean(), evil)):
        both = first.SerializeToString() + second.SerializeToString()
        with pytest.raises(ReleaseError, match="2 graphs"):
            scan.check(both)
    inner = message("Node")(name="n", op="WriteFile").SerializeToString()
    node = message("Node")()
    node.ParseFromString(inner + message("Node")(op="Mul").SerializeToString())
    assert node.op == "Mul"


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\xff" * 100, b"<html>", b"\x12\xff\xff\xff\x7f"]
)
def test_what_is_no_protobuf(content):
    with pytest.raises(ReleaseError, match=r"cannot be read|0 graphs"):
        scan.check(content)


def test_every_truncation_is_refused_or_clean():
    content = clean().SerializeToString()
    passed = 0
    for length in range(len(content)):
        try:
            scan.check(content[:length], 12)
        except ReleaseError:
            continue
        passed += 1
    assert passed == 0


# --- folders


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(clean().SerializeToString())
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(12))
    return tmp_path


def test_a_folder(folder):
    scan.scan(folder)
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(11))
    with pytest.raises(ReleaseError, match=r"saved_model.pb: variable 'w' is larger.*was loaded"):
        scan.scan(folder)


@pytest.mark.parametrize("name", scan.STRANGERS)
def test_what_tensorflow_would_read_besides(name, folder):
    (folder / name).mkdir()
    scan.scan(folder)  # empty, as TensorFlow leaves it
    (folder / name / "file").write_text("")
    with pytest.raises(ReleaseError, match=f"{name} has no place in a release"):
        scan.scan(folder)


def test_a_graph_of_absurd_size(folder):
    with (folder / "saved_model.pb").open("r+b") as file:
        file.truncate(scan.LIMIT + 1)
    with pytest.raises(ReleaseError, match="has 268435457 bytes, allowed: 268435456"):
        scan.scan(folder)


def test_nothing_to_scan(tmp_path):
    scan.scan(tmp_path)


# --- our own releases, and TensorFlow's registry

RELEASES = [
    registry.find_release(name, version)
    for name in registry.list_models()
    for version in registry.versions(name)
]


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: f"{r.manifest.name}-{r.path.name}")
def test_no_shipped_model_is_refused(release):
    scan.scan(release.path)


def test_the_scan_imports_no_tensorflow():
    folders = [str(release.path) for release in RELEASES]
    code = (
        "import sys; from pathlib import Path; from zoo.store import scan\n"
        f"for folder in {folders!r}: scan.scan(Path(folder))\n"
        "assert not {'tensorflow', 'keras', 'numpy', 'h5py'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def op_defs(tf):  # noqa: ARG001 (registers the ops)
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    found = op_def_pb2.OpList()
    found.ParseFromString(
        bytes(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    )
    return {op.name: op for op in found.op}


# Stateful by TensorFlow's word, and why that does no harm here.
CALLS = """
Case If StatefulPartitionedCall While
"""  # as stateful as what they call
ASKING = """
Assert CheckNumerics StatelessRandomGetAlg
"""  # they raise, or ask for the device
GENERATORS = """
Multinomial RandomGamma RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform
RandomUniformInt TruncatedNormal
"""
STATEFUL = {*f"{CALLS} {ASKING} {GENERATORS} {ops.VARIABLES}".split()}


def test_the_list_against_the_registry(op_defs):
    """Every allowed op exists; those with state, text or live objects are known by name."""
    assert not ops.ALLOWED - set(op_defs)
    assert not ops.CHECKPOINT - set(op_defs)
    stateful = {name for name in ops.ALLOWED if op_defs[name].is_stateful}
    assert stateful <= STATEFUL
    lists = {name for name in ops.ALLOWED if name.startswith(("TensorList", "EmptyTensorList"))}
    for name in ops.ALLOWED - lists - set(ops.VARIABLES.split()):
        sides = (*op_defs[name].input_arg, *op_defs[name].output_arg)
        assert not {side.type for side in sides} & {STRING, RESOURCE, VARIANT}, name


def test_known_offenders_are_not_on_the_list(op_defs):
    words = ("File", "Dataset", "Iterator", "PyFunc", "Print", "Table", "Reader", "Decode",
             "Encode",
             "Queue", "Rpc", "Summary", "Save", "Restore", "Host", "Send", "Recv", "TPU", "Xla",
             "Collective", "Remote", "Debug", "Library")  # fmt: skip
    offenders = {name for name in op_defs if any(word in name for word in words)}
    assert len(offenders) > 300
    assert not offenders & ops.ALLOWED


def test_the_format_is_tensorflows(tf, op_defs):  # noqa: ARG001 (TensorFlow's messages)
    """Field by field: our numbers and kinds are those of TensorFlow's protobufs."""
    from tensorflow.core.framework import (
        attr_value_pb2,
        function_pb2,
        graph_pb2,
        node_def_pb2,
        tensor_pb2,
        tensor_shape_pb2,
    )
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2, saved_object_graph_pb2

    theirs = {
        "SavedModel": saved_model_pb2.SavedModel, "MetaGraph": meta_graph_pb2.MetaGraphDef,
        "Graph": graph_pb2.GraphDef, "Node": node_def_pb2.NodeDef,
        "Library": function_pb2.FunctionDefLibrary, "Function": function_pb2.FunctionDef,
        "Gradient": function_pb2.GradientDef, "CustomGradient": function_pb2.RegisteredGradient,
        "Attribute": attr_value_pb2.AttrValue, "Attributes": attr_value_pb2.AttrValue.ListValue,
        "Call": attr_value_pb2.NameAttrList, "Tensor": tensor_pb2.TensorProto,
        "Shape": tensor_shape_pb2.TensorShapeProto, "Signature": meta_graph_pb2.SignatureDef,
        "TensorInfo": meta_graph_pb2.TensorInfo, "Object": saved_object_graph_pb2.SavedObject,
        "Objects": saved_object_graph_pb2.SavedObjectGraph,
        "Variable": saved_object_graph_pb2.SavedVariable,
        "Captured": saved_object_graph_pb2.CapturedTensor,
    }  # fmt: skip
    for ours, kind in theirs.items():
        fields = {field.number: field for field in kind.DESCRIPTOR.fields}
        for number, type_ in MESSAGES[ours].values():
            assert number in fields, (ours, number)
            assert fields[number].is_repeated == type_.startswith("*"), (ours, number)
            is_message = type_.lstrip("*")[0].isupper()
            assert (fields[number].message_type is not None) == is_message, (ours, number)


# --- SavedModels that TensorFlow itself wrote


def saved(tf, folder, function, **attributes):
    module = tf.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    concrete = tf.function(function).get_concrete_function(x=tf.TensorSpec([None], tf.float32, "x"))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": concrete})
    (folder / "fingerprint.pb").unlink()


def test_real_models_that_act(tf, tmp_path):
    """Each does what it should not when it is called, or already when it is loaded."""
    written = tmp_path / "written"

    def writes(x):
        tf.io.write_file(str(written), "hello")
        return {"y": x}

    def reads(x):
        return {"y": x + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)}

    def prints(x):
        tf.print("hello", output_stream=f"file://{written}")
        return {"y": x}

    def counts(x):
        return {"y": tf.py_function(lambda v: v + os.getpid(), [x], tf.float32)}

    def iterates(x):
        for line in tf.data.TextLineDataset("/etc/hostname"):
            x += tf.cast(tf.strings.length(line), tf.float32)
        return {"y": x}

    words = tmp_path / "words.txt"
    words.write_text("a\nb\n")
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                                      tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1
    )  # fmt: skip

    def looks_up(x):
        return {"y": x + tf.cast(table.lookup(tf.constant("a")), tf.float32)}

    cases = {
        "WriteFile": (writes, {}),
        "ReadFile": (reads, {}),
        "(PrintV2|StringFormat)": (prints, {}),
        "EagerPyFunc": (counts, {}),
        "TextLineDataset": (iterates, {}),
        "(InitializeTableFromTextFileV2|LookupTableFindV2|HashTableV2)": (looks_up, {"t": table}),
    }
    for op, (function_, attributes) in cases.items():
        folder = tmp_path / f"model{len(list(tmp_path.iterdir()))}"
        saved(tf, folder, function_, **attributes)
        pattern = rf"op '{op}' at node '.*' of|assets has no place"
        with pytest.raises(ReleaseError, match=pattern):
            scan.scan(folder)
        shutil.rmtree(folder / "assets", ignore_errors=True)
        with pytest.raises(ReleaseError, match=rf"op '{op}'|it has assets"):
            scan.scan(folder)
    assert not written.exists()


def test_a_real_model_that_is_mathematics(tf, tmp_path):
    variable, captured = tf.Variable([1.0, 2.0]), tf.constant(3.0)

    def function(x):
        return {"y": tf.reduce_sum(x) * variable + captured}

    saved(tf, tmp_path / "m", function, v=variable)
    scan.scan(tmp_path / "m")
