import os
import struct

import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.networks.loading import Kind, ModelFile, find_model, find_weights, read_model


@pytest.fixture(scope="module")
def generator():
    tf.keras.utils.set_random_seed(3)
    return build_generator(4)


@pytest.fixture(scope="module")
def run(generator, tmp_path_factory):
    """A finished run: generator.keras and a checkpoint whose averaged weights are the same."""
    folder = tmp_path_factory.mktemp("run")
    save_generator(generator, folder / "generator.keras")
    checkpoint = tf.train.Checkpoint(generator=build_generator(4), ema=generator)
    checkpoint.write(str(folder / "checkpoints" / "step_00000300" / "checkpoint"))
    return folder


EMPTY_TFLITE = struct.pack("<I4sHHi", 12, b"TFL3", 4, 4, 4)
"""A flat buffer whose root table has no fields."""
EMPTY_SAVED_MODEL = b"\x12\x02\x3a\x00"
"""A SavedModel with one graph, whose object graph is empty."""


def made(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_run_and_its_checkpoint_hold_weights(generator, run):
    checkpoint = run / "checkpoints" / "step_00000300"
    assert find_model(run) == ModelFile(run / "generator.keras", Kind.KERAS)
    for path in (checkpoint, checkpoint / "checkpoint", checkpoint / "checkpoint.index"):
        assert find_model(path) == ModelFile(checkpoint / "checkpoint", Kind.TRAINING_CHECKPOINT)
    for model in (find_weights(run), find_weights(checkpoint)):
        for weights, expected in zip(read_model(model).get_weights(), generator.get_weights()):
            np.testing.assert_array_equal(weights, expected)


def test_dtype_is_that_of_the_convolutions(run):
    loaded = read_model(find_weights(run), "mixed_bfloat16")
    assert loaded.get_layer("b1_conv1").compute_dtype == "bfloat16"


def test_the_newest_version_of_a_saved_model_is_found(tmp_path):
    for version in ("9", "10", "notes"):
        made(tmp_path / version / "saved_model.pb", EMPTY_SAVED_MODEL)
    assert find_model(tmp_path) == ModelFile(tmp_path / "10", Kind.SAVED_MODEL)
    assert find_model(tmp_path / "9") == ModelFile(tmp_path / "9", Kind.SAVED_MODEL)


def test_a_folder_of_exports_is_found(tmp_path):
    made(tmp_path / "report.json")
    made(tmp_path / "generator_int8_256.tflite", EMPTY_TFLITE)
    assert find_model(tmp_path).path.name == "generator_int8_256.tflite"
    made(tmp_path / "generator_float16_any.tflite", EMPTY_TFLITE)
    assert find_model(tmp_path).path.name == "generator_float16_any.tflite"
    made(tmp_path / "generator_float32_any.tflite", EMPTY_TFLITE)
    found = ModelFile(tmp_path / "generator_float32_any.tflite", Kind.TFLITE)
    assert find_model(tmp_path) == found
    made(tmp_path / "savedmodel" / "2" / "saved_model.pb", EMPTY_SAVED_MODEL)
    assert find_model(tmp_path) == ModelFile(tmp_path / "savedmodel" / "2", Kind.SAVED_MODEL)


def test_several_tflite_files_of_fixed_sizes_are_left_to_the_user(tmp_path):
    for side in (256, 512):
        made(tmp_path / f"generator_int8_{side}.tflite", EMPTY_TFLITE)
    with pytest.raises(UserError, match=r"several TFLite files.*Give one of the files"):
        find_model(tmp_path)


def test_what_has_been_exported_has_no_weights_to_read(tmp_path):
    path = made(tmp_path / "a.tflite", EMPTY_TFLITE)
    assert find_model(path) == ModelFile(path, Kind.TFLITE)
    with pytest.raises(UserError, match="has been exported already"):
        find_weights(path)


def test_pipes_and_loops_are_no_networks(tmp_path):
    """Each would wait or go on forever."""
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "loop.keras").symlink_to(tmp_path / "loop.keras")
    (tmp_path / "zero.keras").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "step.index")
    for name, reason in (
        ("pipe.keras", "not a file or folder"),
        ("zero.keras", "not a file or folder"),
        ("loop.keras", "no such file or folder"),
        ("step", "no such checkpoint"),
        ("n" * 300, "File name too long"),
    ):
        with pytest.raises(UserError, match=reason):
            find_model(tmp_path / name)


@pytest.mark.parametrize("width", [5, 100_000])
def test_a_checkpoint_of_an_impossible_width_is_refused(tmp_path, width):
    kernel = tf.Variable(tf.zeros((3, 3, 3, width)))
    tf.train.Checkpoint(generator=tf.train.Checkpoint(kernel=kernel)).write(str(tmp_path / "step"))
    with pytest.raises(UserError, match=f"doesn't fit.*a width of {width}"):
        read_model(find_weights(tmp_path / "step"))
