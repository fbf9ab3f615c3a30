"""Exported networks that could run code or touch files are refused, and nothing of them is run."""

import struct
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from animegan_tf.errors import UserError
from animegan_tf.networks.exported import check_saved_model, check_tflite
from animegan_tf.networks.loading import Kind, find_model

PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32, "photo")


def saved_model(stylize, folder, **variables):
    module = tf.Module()
    for name, variable in variables.items():
        setattr(module, name, variable)
    signature = tf.function(lambda photo: {"anime": stylize(photo)}, [PICTURES])
    tf.saved_model.save(module, str(folder), signatures=signature)
    return folder


def reads(photo):
    return photo * tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), tf.float32)


def writes(photo):
    with tf.control_dependencies([tf.io.write_file("written_by_a_model", "x")]):
        return tf.identity(photo)


def calls_python(photo):
    return tf.ensure_shape(tf.numpy_function(lambda x: x, [photo], tf.float32), photo.shape)


def prints_to_a_file(photo):
    tf.print("x", output_stream="file:///tmp/written_by_a_model")
    return tf.identity(photo)


def saves(photo):
    save = tf.raw_ops.SaveV2(
        prefix="written_by_a_model", tensor_names=["x"], shape_and_slices=[""], tensors=[photo]
    )
    with tf.control_dependencies([save]):
        return tf.identity(photo)


def reads_in_a_branch(photo):
    return tf.cond(tf.shape(photo)[1] > 8, lambda: reads(photo), lambda: photo)


def reads_in_a_data_set(photo):
    lines = tf.data.TextLineDataset("/etc/passwd").map(tf.strings.length)
    return photo + tf.cast(lines.reduce(0, lambda total, n: total + n), tf.float32)


@pytest.mark.parametrize(
    "stylize, operation",
    [
        (reads, "ReadFile"),
        (writes, "WriteFile"),
        (calls_python, "PyFunc"),
        (prints_to_a_file, "PrintV2"),
        (saves, "SaveV2"),
        (reads_in_a_branch, "ReadFile"),
        (reads_in_a_data_set, "TextLineDataset"),
    ],
)
def test_a_saved_model_with_such_operations_is_refused(tmp_path, monkeypatch, stylize, operation):
    monkeypatch.chdir(tmp_path)
    saved_model(stylize, tmp_path / "model")
    with pytest.raises(UserError, match=rf"contains [^:]*{operation}[^:]*: .*It was not run"):
        find_model(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_networks_with_variables_are_found(tmp_path):
    """Saving and restoring variables is not what is refused."""
    kernel = tf.Variable(tf.zeros((3, 3, 3, 3)))
    folder = saved_model(
        lambda photo: tf.tanh(tf.nn.conv2d(photo, kernel, 1, "SAME")), tmp_path / "1", kernel=kernel
    )
    assert find_model(folder).kind == Kind.SAVED_MODEL
    content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = content.meta_graphs
    functions = graph.graph_def.library.function
    saver = next(f for f in functions if any(node.op == "SaveV2" for node in f.node_def))
    graph.object_graph_def.concrete_functions[saver.signature.name].SetInParent()
    (folder / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(UserError, match="SaveV2"):  # Now it could be called.
        check_saved_model(folder)


def test_a_function_with_the_name_of_an_operation_hides_nothing(tmp_path):
    folder = saved_model(reads, tmp_path / "1")
    content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    content.meta_graphs[0].graph_def.library.function.add().signature.name = "ReadFile"
    (folder / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(UserError, match="ReadFile"):
        check_saved_model(folder)


@pytest.mark.parametrize("content", [b"x", b"\x12\x00", b"\x12\xff\xff\xff\xff\x0f"])
def test_other_saved_models_are_refused(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UserError, match="not a readable SavedModel"):
        find_model(tmp_path)


def tflite(stylize, path, **settings):
    function = tf.function(stylize, [tf.TensorSpec((1, 8, 8, 3), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    for name, value in settings.items():
        setattr(converter, name, value)
    path.write_bytes(converter.convert())
    return path


def test_tflite_with_operations_of_tensorflow_is_refused(tmp_path):
    function = tf.function(tf.linalg.inv, [tf.TensorSpec((1, 8, 8), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(UserError, match="contains FlexMatrixInverse, not an operation of TFLite"):
        find_model(path)


def test_tflite_with_custom_operations_is_refused(tmp_path):
    path = tflite(tf.math.erfinv, tmp_path / "custom.tflite", allow_custom_ops=True)
    with zipfile.ZipFile(path, "a") as archive:  # It stays one with metadata behind it.
        archive.writestr("metadata.json", "{}")
    with pytest.raises(UserError, match="contains Erfinv, not an operation of TFLite itself"):
        find_model(path)


def test_tflite_of_its_own_operations_is_found(tmp_path):
    path = tflite(tf.tanh, tmp_path / "plain.tflite")
    assert find_model(path).kind == Kind.TFLITE
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in (0, 4, 8, 12, 20, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="TFLite"):
            check_tflite(path)
    for _ in range(200):  # Never anything but a finding.
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(0, len(content), 20)] = rng.integers(0, 256, 20)
        path.write_bytes(content)
        try:
            check_tflite(path)
        except UserError as error:
            assert "TFLite" in str(error)


def test_an_endless_table_is_refused(tmp_path):
    path = tmp_path / "a.tflite"
    vtable = struct.pack("<HHHH", 8, 8, 0, 4)
    path.write_bytes(
        struct.pack("<I4s", 16, b"TFL3") + vtable + struct.pack("<iII", 8, 4, 2**32 - 1)
    )
    with pytest.raises(UserError, match="not a readable TFLite file"):
        check_tflite(path)
