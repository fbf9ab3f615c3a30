import contextlib
import io
import json
import subprocess
import sys
import time
import zipfile
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from project import ROOT

from animegan_tf import build_generator, save_generator
from animegan_tf.errors import UserError
from animegan_tf.exporting import lighter, onnx, tflite
from animegan_tf.exporting.equalize import equalize
from animegan_tf.exporting.parity import (
    EXACT,
    FLOAT16,
    INT8,
    Artifact,
    Difference,
    Limit,
    Reference,
    Route,
    check,
    difference,
    latencies,
)
from animegan_tf.exporting.photos import drawn_photos, fit, read_photos, split_evenly
from animegan_tf.exporting.report import build_report, read_report, write_report
from animegan_tf.images import to_float, to_uint8, write_image
from animegan_tf.networks.frozen import constant_network

SCRIPT = ROOT / "export.py"


@pytest.fixture(scope="module")
def generator():
    """Random weights are the worst case of int8; fainter pictures make up for it."""
    tf.keras.utils.set_random_seed(0)
    generator = build_generator(8)
    output = generator.get_layer("output_conv")
    output.set_weights([0.2 * output.get_weights()[0]])
    return generator


@pytest.fixture(scope="module")
def reference(generator):
    return Reference(generator)


@pytest.fixture(scope="module")
def photos():
    return [fit(photo, 96, 128) for photo in drawn_photos(2)]


# Parity -------------------------------------------------------------------------------------


def test_difference_by_hand():
    found = difference(
        [(np.float32([0, 0.2]), np.float32([0, 0])), (np.float32([[1.0]]), np.float32([[0.8]]))]
    )
    np.testing.assert_allclose(found, [0.2, 0.4 / 3, 10 * np.log10(4 / (0.08 / 3))], rtol=1e-6)
    same = difference([(np.zeros(3), np.zeros(3))])
    assert same == Difference(0, 0, np.inf)


@pytest.mark.parametrize(
    "limit, found, holds",
    [
        (EXACT, Difference(0.5, 1e-4, 20), True),
        (EXACT, Difference(1e-3, 1.1e-4, 90), False),
        (FLOAT16, Difference(1, 1, 45), True),
        (FLOAT16, Difference(0, 0, 44.9), False),
        (INT8, Difference(1, 1, 30), True),
        (INT8, Difference(0, 0, 29.9), False),
        (EXACT, Difference(np.nan, np.nan, np.nan), False),
        (INT8, Difference(np.nan, np.nan, np.nan), False),
    ],
)
def test_limits(limit, found, holds):
    assert limit.holds(found) is holds


def test_another_network_is_found_out(generator, reference, photos, tmp_path):
    tf.keras.utils.set_random_seed(1)
    other = constant_network(build_generator(8))
    (tmp_path / "file").write_bytes(b"12345")

    def run(photo):
        return np.asarray(other(to_float(photo)[None]))[0]

    artifact = Artifact(
        "other",
        tmp_path / "file",
        tmp_path / "there",
        Limit(psnr=30),
        [Route("x", "", "", run)],
        size=(32, 32),
    )
    checked = check(artifact, reference, photos)
    assert not checked.holds
    assert checked.bytes == 5
    assert checked.measured[0].difference.psnr < 25


def test_the_check_looks_at_eight_pictures_of_several_sizes(reference, photos, tmp_path):
    (tmp_path / "file").touch()
    seen = []

    def run(photo):
        seen.append(photo.shape[:2])
        return to_uint8(reference(photo))

    def checked(size):
        seen.clear()
        return check(
            Artifact("same", tmp_path / "file", tmp_path, EXACT, [Route("x", "", "", run)], size),
            reference,
            photos,
        )

    assert checked(None).measured[0].difference == Difference(0, 0, np.inf)
    assert len(set(seen)) >= 8
    assert any(side % 4 for size in seen for side in size)
    checked((24, 32))
    assert set(seen) == {(24, 32)} and len(seen) >= 8


def test_latencies_take_turns():
    calls = []

    def run(name, seconds):
        return lambda picture: (calls.append(name), time.sleep(seconds))

    slow, fast = latencies([run("slow", 0.05), run("fast", 0)], None, repeats=2)
    assert calls == ["slow", "fast"] * 3
    assert slow >= 50 > fast


def test_a_result_of_another_size_is_an_error(reference, photos, tmp_path):
    (tmp_path / "file").touch()
    artifact = Artifact(
        "cropped",
        tmp_path / "file",
        tmp_path,
        EXACT,
        [Route("x", "", "", lambda photo: reference(photo)[1:])],
        size=(32, 32),
    )
    with pytest.raises(ValueError, match=r"\(31, 32, 3\)"):
        check(artifact, reference, photos)


def test_fit_crops_the_middle():
    photo = np.zeros((40, 100, 3), np.uint8)
    photo[:, 30:70] = 200
    assert (fit(photo, 20, 20) == 200).all()
    assert fit(photo, 13, 50).shape == (13, 50, 3)


def test_read_photos_spreads_over_the_list(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(9)]
    for i, path in enumerate(paths):
        write_image(path, np.full((4, 4, 3), 10 * i, np.uint8))
    assert [photo[0, 0, 0] for photo in read_photos(paths, 3)] == [0, 40, 80]
    assert len(read_photos(paths, 20)) == 9
    assert split_evenly(list("abcdefg"), 3) == (list("adg"), list("bcef"))


# TFLite -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["float32", "uint8"])
def io_type(request):
    return request.param


@pytest.fixture(scope="module")
def files(generator, reference, photos, io_type, tmp_path_factory):
    """What needs no calibration, at 32x32 and at any size; of uint8 only float32."""
    precisions = ["float32"] + ["float16", "dynamic_int8"] * (io_type == "float32")
    folder = tmp_path_factory.mktemp("tflite")
    exporter = tflite.Exporter(generator, reference, photos, io_type)
    return {
        artifact.path.name: artifact
        for artifact in exporter.export(folder, folder / "out", (32, None), precisions)
    }


@pytest.fixture(scope="module")
def int8_file(generator, reference, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    (artifact,) = tflite.Exporter(generator, reference, photos, "uint8").export(
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
        assert artifact.limit == tflite.LIMITS[precision]
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
    operations = tflite.operations_of(content)
    assert operations["QUANTIZE"] > 0 and operations["CONV_2D"] == 33
    for interpreter in (tf.lite.Interpreter, tflite.Interpreter):
        run = tflite.runner(content, "uint8", interpreter)
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
    run = tflite.runner(content, io_type, interpreter)
    for size in ((32, 48), (64, 20), (32, 48)):
        picture = fit(photos[0], *size)
        result = run(picture)
        assert result.dtype == io_type and result.shape == (*size, 3)
        expected = reference(picture)
        if io_type == "uint8":
            result = to_float(result)
        assert np.abs(result - expected).mean() < 0.01


def test_tflite_signature_has_names(files, io_type):
    for artifact in files.values():
        loaded = tflite.Interpreter(model_path=str(artifact.path))
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
        operations = tflite.operations_of(artifact.path.read_bytes())
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
    plain = tflite.Kind("float32", 256, "float32")
    assert tflite.gpu_note(Counter(CONV_2D=1), plain).endswith("takes all operations")
    assert "all operations but CAST" in tflite.gpu_note(Counter(CONV_2D=1, CAST=2), plain)
    assert "fixed size" in tflite.gpu_note(Counter(CONV_2D=1), plain._replace(side=None))


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
ONNX_ALONE = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
np.save(sys.argv[3], session.run(["anime"], {"photo": np.load(sys.argv[2])})[0])
assert not {"tensorflow", "animegan_tf"} & sys.modules.keys()
"""


def run_alone(program, model, inputs, folder):
    np.save(folder / "in.npy", inputs)
    subprocess.run(
        [sys.executable, "-I", "-c", program, model, folder / "in.npy", folder / "out.npy"],
        check=True,
        cwd=folder,
        capture_output=True,
        timeout=60,
    )
    return np.load(folder / "out.npy")


def test_tflite_in_a_fresh_process_without_tensorflow(generator, photos, tmp_path):
    pytest.importorskip("ai_edge_litert")
    kind = tflite.Kind("float32", 32, "float32")
    (tmp_path / "a.tflite").write_bytes(tflite.convert(generator, kind))
    photo = to_float(fit(photos[0], 32, 32))[None]
    anime = run_alone(LITERT_ALONE, tmp_path / "a.tflite", photo, tmp_path)
    assert np.abs(anime - generator(photo, training=False)).mean() < EXACT.mean


# int8 ---------------------------------------------------------------------------------------


def test_equalized_network_is_the_same_with_even_channels(generator, photos):
    uneven = tf.keras.models.clone_model(generator)
    uneven.set_weights(generator.get_weights())
    gamma, beta = uneven.get_layer("u1_conv1_norm").get_weights()
    factors = 10.0 ** np.arange(len(gamma))[::-1] / 1e4
    uneven.get_layer("u1_conv1_norm").set_weights([gamma * factors, beta])
    equalized = equalize(uneven, photos)
    batch = to_float(np.stack(photos))
    np.testing.assert_allclose(equalized(batch), uneven(batch), atol=1e-4)

    def unevenness(model):
        inputs = tf.keras.Model(model.input, model.get_layer("u1_conv2").input)
        ranges = np.abs(inputs(batch)).max((0, 1, 2))
        return ranges.max() / ranges.min()

    assert unevenness(equalized) < unevenness(uneven) / 50
    changed = {
        layer.name
        for layer in uneven.layers
        if layer.weights
        and not np.allclose(
            layer.get_weights()[0], equalized.get_layer(layer.name).get_weights()[0]
        )
    }
    # The encoder's first output goes two ways, and the picture itself can't be scaled.
    assert {"u1_conv1_norm", "u1_conv2", "output_conv"} <= changed
    assert not {"b1_conv1", "b1_conv2_norm", "m_conv1"} & changed


@pytest.mark.parametrize("start", [0, 1, 5, 22])
@pytest.mark.parametrize("needed", [0, 1, 2, 3, 7, 21, 22])
def test_fewest_float_stages(needed, start):
    tried = []

    def quantize(stages):
        assert stages == tflite.FLOAT_FIRST[: len(stages)]
        tried.append(len(stages))
        return len(stages)

    content, stages = tflite.fewest_float(quantize, lambda count: count >= needed, start)
    assert content == len(stages) == max(needed, start)
    assert len(tried) <= 10


def test_fewest_float_stages_of_what_never_holds():
    assert tflite.fewest_float(len, lambda count: False) == (22, tflite.FLOAT_FIRST)


def test_stages_of_dynamic_int8_stay_float(generator, reference, photos):
    kind = tflite.Kind("dynamic_int8", 32, "float32")
    picture = fit(photos[0], 32, 32)

    def converted(stages):
        content = tflite.convert(tflite.float_convolutions(generator, stages), kind)
        result = tflite.runner(content, "float32")(picture)
        return tflite.operations_of(content), difference([(result, reference(picture))]).psnr

    operations, psnr = converted([])
    assert operations["CONV_2D"] == 33 and "CONV_3D" not in operations
    operations, better = converted(tflite.FLOAT_FIRST)
    assert operations["CONV_3D"] == 31 and operations["CONV_2D"] == 2  # m_r8's.
    assert better > psnr + 3


# ONNX ---------------------------------------------------------------------------------------

needs_onnx = pytest.mark.skipif(
    subprocess.run(
        [sys.executable, "-c", "import onnx, onnxruntime"], capture_output=True
    ).returncode
    != 0,
    reason="needs onnx and onnxruntime",
)


@pytest.fixture(scope="module")
def onnx_file(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    return onnx.export_onnx(generator, folder, folder / "out")


@needs_onnx
def test_onnx_equals_keras(onnx_file, reference, photos):
    checked = check(onnx_file, reference, photos)
    assert checked.holds, checked.measured[0].difference


@needs_onnx
def test_onnx_takes_any_batch_height_and_width(onnx_file, generator):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(onnx_file.path))
    for tensor in (*session.get_inputs(), *session.get_outputs()):
        assert tensor.shape == ["batch", "height", "width", 3]
    rng = np.random.default_rng(0)
    for shape in ((3, 16, 24, 3), (1, 40, 12, 3)):
        batch = rng.uniform(-1, 1, shape).astype(np.float32)
        (anime,) = session.run(None, {"photo": batch})
        assert np.abs(anime - generator(batch, training=False)).mean() < EXACT.mean


@needs_onnx
def test_onnx_in_a_fresh_process_without_tensorflow(onnx_file, generator, photos, tmp_path):
    batch = to_float(np.stack(photos))
    anime = run_alone(ONNX_ALONE, onnx_file.path, batch, tmp_path)
    assert np.abs(anime - generator(batch, training=False)).mean() < EXACT.mean


@needs_onnx
def test_openvino_reads_the_onnx_file(onnx_file, generator, photos):
    openvino = pytest.importorskip("openvino")
    compiled = openvino.Core().compile_model(
        str(onnx_file.path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    batch = to_float(np.stack(photos))
    (anime,) = compiled([batch]).values()
    assert np.abs(anime - generator(batch, training=False)).mean() < EXACT.mean


# The table of lighter generators, and the command -------------------------------------------


def test_lighter_generators_are_compared_with_the_full_one(generator, reference, photos):
    tf.keras.utils.set_random_seed(0)
    small = build_generator(4)
    full, light = lighter.compare({"full": generator, "light": small}, reference, photos)
    assert (full.model, full.width, full.psnr_db, full.mean_error) == ("full", 8, "the same", 0)
    assert (light.model, light.width) == ("light", 4)
    assert light.parameters == sum(int(np.prod(v.shape)) for v in small.trainable_variables)
    assert light.parameters < full.parameters and light.flops < full.flops
    assert light.file_bytes < full.file_bytes
    assert light.psnr_db < 30 and light.mean_error > 0.01


def run_export(folder, *args):
    return subprocess.run(
        [sys.executable, SCRIPT, *args], cwd=folder, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def large_model(generator, tmp_path_factory):
    """The same pictures, but float16 can't hold the weights; a norm undoes their factor."""
    large = tf.keras.models.clone_model(generator)
    large.set_weights(generator.get_weights())
    (kernel,) = large.get_layer("b2_conv").get_weights()
    large.get_layer("b2_conv").set_weights([1e6 * kernel])
    path = tmp_path_factory.mktemp("model") / "large.keras"
    save_generator(large, path)
    return path


def test_the_command_puts_in_place_what_holds(large_model, tmp_path):
    args = ["--model", large_model, "--tflite", "--tflite_sizes", "32"]
    done = run_export(
        tmp_path,
        *args,
        "--savedmodel",
        "--tflite_precision",
        "float32",
        "--tflite_precision",
        "float16",
    )
    output = tmp_path / "exports" / "large"
    assert done.returncode == 1, done.stderr
    assert not done.stderr
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    placed = {entry["path"]: entry["in_place"] for entry in report["artefacts"]}
    assert placed == {
        "savedmodel/1": True,
        "generator_float32_32.tflite": True,
        "generator_float16_32.tflite": False,
    }
    for path, in_place in placed.items():
        assert (output / path).exists() == in_place
        assert path in (output / "report.md").read_text(encoding="utf-8")
    assert (output / "serving" / "model.config").read_text().count('"large"') == 1
    assert f'source="{output}"' in report["serving_command"]
    assert not list(output.glob(".*"))

    done = run_export(tmp_path, *args, "--tflite_precision", "float16", "--allow_lossy")
    assert done.returncode == 0, done.stderr
    assert (output / "generator_float16_32.tflite").exists()
    text = (output / "report.md").read_text()
    assert "yes, over the limit (--allow_lossy)" in text and "NO" not in text
    assert "| savedmodel/1 |" in text and "docker run" in text


# Reports of several exports ------------------------------------------------------------------


def entry(path, folder, in_place=True):
    if in_place:
        (folder / path).write_bytes(b"x")
    return {
        "name": "x",
        "path": path,
        "bytes": 1,
        "limit": "",
        "within_limit": in_place,
        "in_place": in_place,
        "runtime": "",
        "notes": [],
        "size": None,
        "signatures": [],
    }


def merged(generator, folder, entries, lighter=()):
    report = build_report(
        name="x",
        model="x.keras",
        generator=generator,
        photos="",
        lighter=lighter,
        artifacts=entries,
        output=folder,
        earlier=read_report(folder),
    )
    write_report(report, folder)
    return report


def test_a_report_keeps_what_is_still_in_place(generator, tmp_path):
    assert read_report(tmp_path) is None
    merged(
        generator,
        tmp_path,
        [
            entry("kept", tmp_path),
            entry("replaced", tmp_path),
            entry("deleted", tmp_path),
            entry("refused", tmp_path, in_place=False),
            entry("now refused", tmp_path),
        ],
    )
    (tmp_path / "deleted").unlink()
    report = merged(
        generator,
        tmp_path,
        [entry("replaced", tmp_path), entry("now refused", tmp_path, in_place=False)],
    )
    assert [(found["path"], found["in_place"]) for found in report["artefacts"]] == [
        ("kept", True),
        ("now refused", True),
        ("replaced", True),
        ("now refused", False),
    ]


def test_a_report_says_which_rows_are_of_other_weights(generator, tmp_path):
    row = lighter.Row("light", 4, 1, 1, 1, 1.0, 1.0, 1.0, 1.0)
    merged(generator, tmp_path, [entry("old", tmp_path)], [row])
    assert merged(generator, tmp_path, [])["lighter"] == [row._asdict()]
    assert "OTHER weights" not in (tmp_path / "report.md").read_text()
    report = merged(build_generator(4), tmp_path, [entry("new", tmp_path)])
    assert report["lighter"] == []
    text = (tmp_path / "report.md").read_text()
    assert "`old`: of an earlier export of OTHER weights" in text and "`new`: " not in text


def test_an_unreadable_report_is_a_finding(tmp_path):
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(UserError, match="report.json"):
        read_report(tmp_path)


def test_the_command_reports_all_mistakes_at_once(tmp_path):
    (tmp_path / "empty").mkdir()
    done = run_export(
        tmp_path,
        "--model",
        "nowhere.keras",
        "--photos",
        "empty",
        "--tflite_sizes",
        "30,any",
        "--compare_models",
        "gone.keras",
        "--savedmodel",
    )
    assert done.returncode == 2
    for part in (
        "nowhere.keras: no such file",
        "--photos=empty: no picture in it",
        "--tflite_sizes=30,any",
        "gone.keras: no such file",
    ):
        assert part in done.stderr
    assert not (tmp_path / "exports").exists()
