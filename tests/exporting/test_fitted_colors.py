"""Networks that end with a map of colors, in each kind of file."""

import json

import pytest

from animegan_tf import save_generator
from animegan_tf.exporting import onnx
from animegan_tf.exporting.parity import Reference, check
from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.tflite.exporter import Exporter
from animegan_tf.networks.colors import with_fitted_colors


@pytest.fixture(scope="module")
def finished(generator):
    return with_fitted_colors(generator)


@pytest.fixture(scope="module")
def finished_reference(finished):
    return Reference(finished)


def test_onnx_equals_keras(finished, finished_reference, photos, tmp_path):
    pytest.importorskip("onnxruntime")
    checked = check(onnx.export_onnx(finished, tmp_path, tmp_path), finished_reference, photos)
    assert checked.holds, checked.measured[0].difference


def test_every_precision_of_tflite_holds(finished, finished_reference, photos, tmp_path):
    exporter = Exporter(finished, finished_reference, [fit(photo, 64, 64) for photo in photos])
    for artifact in exporter.export(tmp_path, tmp_path, sizes=[64]):
        checked = check(artifact, finished_reference, photos)
        assert checked.holds, (artifact.name, checked.measured[0].difference)
        assert "GPU delegate: takes all operations" in artifact.notes[-1] or "int8" in artifact.name


def test_the_command_adds_the_map_if_asked(command, generator, photos, tmp_path):
    save_generator(generator, tmp_path / "small.keras")
    args = ["--model=small.keras", "--tflite", "--tflite_sizes=32", "--tflite_precision=float32"]
    done = command("export", *args, "--fit_colors", "--output=out", folder=tmp_path)
    assert done.status == 0, done.stderr
    (entry,) = json.loads((tmp_path / "out/report.json").read_text())["artefacts"]
    assert entry["fit_colors"] and "BATCH_MATMUL" in " ".join(entry["notes"])
    assert "ends with a map of colors" in (tmp_path / "out/report.md").read_text()
