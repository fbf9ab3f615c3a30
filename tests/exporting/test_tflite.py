import contextlib
import io
import json
import zipfile
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from alone import run_alone

from animegan_tf.exporting.parity import EXACT, INT8, check, difference
from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.tflite.conversion import Variant, convert
from animegan_tf.exporting.tflite.exporter import LIMITS, Exporter
from animegan_tf.exporting.tflite.metadata import gpu_note, operations_of
from animegan_tf.exporting.tflite.runtime import Interpreter, runner
from animegan_tf.images import to_float


@pytest.fixture(scope="module", params=["float32", "uint8"])
def io_type(request):
    return request.param


@pytest.fixture(scope="module")
def files(generator, reference, photos, io_type, tmp_path_factory):
    """What needs no calibration, at 32x32 and at any size; of uint8 only float32."""
    precisions = ["float32"] + ["float16", "dynamic_int8"] * (io_type == "float32")
    folder = tmp_path_factory.mktemp("tflite")
    exporter = Exporter(generator, reference, photos, io_type)
    return {
        artifact.path.name: artifact
        for artifact in exporter.export(folder, folder / "out", (32, None), precisions)
    }


@pytest.fixture(scope="module")
def int8_file(generator, reference, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    (artifact,) = Exporter(generator, reference, photos, "uint8").export(
        folder, folder / "out", [32], ["int8"]
    )
    return artifact


def file(files, io_type, precision, size):
    suffix = "_uint8_io" if io_type == "uint8" else ""
    return files[f"generator_{precision}_{size}{suffix}.tflite"]


def test_tflite_precisions_and_sizes(files, io_type, reference, photos):
    assert len(files) == (6 if io_type == "float32" else 2)
    for artifact in files.values():
        precision = artifact.name.split()[1]
        assert artifact.limit == LIMITS[precision]
        checked = check(artifact, reference, photos)
        assert checked.holds, checked.measured[0].difference
    if io_type == "float32":
        float32, float16, dynamic_int8 = (
            file(files, io_type, precision, 32).path.stat().st_size
            for precision in ("float32", "float16", "dynamic_int8")
        )
        assert dynamic_int8 < float16 < 0.8 * float32


def test_int8_keeps_stages_float_until_it_is_exact_enough(int8_file, reference, photos):
    pictures = [fit(photo, 32, 32) for photo in photos]
    found = difference(
        (to_float(int8_file.routes[0].run(picture)), reference(picture)) for picture in pictures
    )
    assert found.psnr >= INT8.psnr
    assert "and the stages" in int8_file.notes[0]
    content = int8_file.path.read_bytes()
    operations = operations_of(content)
    assert operations["QUANTIZE"] > 0 and operations["CONV_2D"] == 33
    for interpreter in (tf.lite.Interpreter, Interpreter):
        run = runner(content, "uint8", interpreter)
        result = run(pictures[0])
        assert result.dtype == np.uint8
        assert np.abs(to_float(result) - reference(pictures[0])).mean() < 0.1


def interpreters():
    found = [pytest.param(tf.lite.Interpreter, id="tf.lite")]
    try:
        from ai_edge_litert.interpreter import Interpreter

        return found + [pytest.param(Interpreter, id="litert")]
    except ImportError:
        return found + [
            pytest.param(None, id="litert", marks=pytest.mark.skip(reason="needs ai-edge-litert"))
        ]


@pytest.mark.parametrize("interpreter", interpreters())
def test_tflite_runs_on_each_runtime(files, io_type, reference, photos, interpreter):
    content = file(files, io_type, "float32", "any").path.read_bytes()
    run = runner(content, io_type, interpreter)
    for size in ((32, 48), (64, 20), (32, 48)):
        picture = fit(photos[0], *size)
        result = run(picture)
        assert result.dtype == io_type and result.shape == (*size, 3)
        expected = reference(picture)
        if io_type == "uint8":
            result = to_float(result)
        assert np.abs(result - expected).mean() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (3, 9)])
def test_tflite_runs_photos_smaller_than_the_network_takes(files, io_type, reference, photos, size):
    photo = fit(photos[0], *size)
    result = file(files, io_type, "float32", "any").routes[0].run(photo)
    assert result.shape == (*size, 3)
    expected = reference(photo)
    if io_type == "uint8":
        result = to_float(result)
    # The innermost norms are over four values here, which magnifies rounding.
    np.testing.assert_allclose(result, expected, atol=0.05)


def test_tflite_signature_has_names(files, io_type):
    for artifact in files.values():
        loaded = Interpreter(model_path=str(artifact.path))
        assert loaded.get_signature_list() == {
            "serving_default": {"inputs": ["photo"], "outputs": ["anime"]}
        }
        runner = loaded.get_signature_runner("serving_default")
        for detail in (runner.get_input_details()["photo"], runner.get_output_details()["anime"]):
            assert np.dtype(detail["dtype"]).name == io_type
            side = 32 if artifact.size else -1
            assert detail["shape_signature"].tolist() == [1, side, side, 3]


def test_tflite_has_only_builtin_operations(files):
    for artifact in files.values():
        operations = operations_of(artifact.path.read_bytes())
        assert operations["CONV_2D"] == 33 and operations["DEPTHWISE_CONV_2D"] == 16
        assert operations["MIRROR_PAD"] == 24 and operations["RESIZE_BILINEAR"] == 4
        assert not {name for name in operations if "FLEX" in name.upper() or "CUSTOM" in name}


def test_tflite_says_what_goes_in_and_out(files, io_type):
    for artifact in files.values():
        with zipfile.ZipFile(artifact.path) as archive:
            metadata = json.loads(archive.read("metadata.json"))
        assert metadata["input"]["name"] == "photo" and metadata["output"]["name"] == "anime"
        assert metadata["input"]["range"] == ([0, 255] if io_type == "uint8" else [-1, 1])
        assert (metadata["input"]["shape"] == [1, 32, 32, 3]) == bool(artifact.size)


def test_gpu_note():
    plain = Variant("float32", 256, "float32")
    assert gpu_note(Counter(CONV_2D=1), plain).endswith("takes all operations")
    assert "all operations but CAST" in gpu_note(Counter(CONV_2D=1, CAST=2), plain)
    assert "fixed size" in gpu_note(Counter(CONV_2D=1), plain._replace(side=None))


@pytest.mark.skipif(
    not tf.__version__.startswith("2.15."),
    reason="later TensorFlow's analyzer finds every file fit for the GPU delegate",
)
def test_gpu_operations_agree_with_tensorflows_analyzer(files, io_type):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tf.lite.experimental.Analyzer.analyze(
            model_content=file(files, io_type, "float32", 32).path.read_bytes(),
            gpu_compatibility=True,
        )
    assert ("GPU COMPATIBILITY WARNING" in printed.getvalue()) == (io_type == "uint8")
    note = file(files, io_type, "float32", 32).notes[-1]
    assert note.endswith("takes all operations") == (io_type == "float32")


LITERT_ALONE = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
run = Interpreter(model_path=sys.argv[1]).get_signature_runner("serving_default")
np.save(sys.argv[3], run(photo=np.load(sys.argv[2]))["anime"])
assert not {"tensorflow", "animegan_tf"} & sys.modules.keys()
"""


def test_tflite_in_a_fresh_process_without_tensorflow(generator, photos, tmp_path):
    pytest.importorskip("ai_edge_litert")
    variant = Variant("float32", 32, "float32")
    (tmp_path / "a.tflite").write_bytes(convert(generator, variant))
    photo = to_float(fit(photos[0], 32, 32))[None]
    anime = run_alone(LITERT_ALONE, tmp_path / "a.tflite", photo, tmp_path)
    assert np.abs(anime - generator(photo, training=False)).mean() < EXACT.mean
