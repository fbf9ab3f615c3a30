import numpy as np
import pytest
from alone import run_alone

from animegan_tf.errors import UserError
from animegan_tf.exporting import onnx
from animegan_tf.exporting.parity import EXACT, check
from animegan_tf.exporting.photos import fit
from animegan_tf.images import to_float

ONNX_ALONE = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
np.save(sys.argv[3], session.run(["anime"], {"photo": np.load(sys.argv[2])})[0])
assert not {"tensorflow", "animegan_tf"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def onnx_file(generator, tmp_path_factory):
    try:
        onnx.check_onnx_installed()
    except UserError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("onnx")
    return onnx.export_onnx(generator, folder, folder / "out")


def test_onnx_equals_keras(onnx_file, reference, photos):
    checked = check(onnx_file, reference, photos)
    assert checked.holds, checked.measured[0].difference


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


def test_onnx_in_a_fresh_process_without_tensorflow(onnx_file, generator, photos, tmp_path):
    batch = to_float(np.stack(photos))
    anime = run_alone(ONNX_ALONE, onnx_file.path, batch, tmp_path)
    assert np.abs(anime - generator(batch, training=False)).mean() < EXACT.mean


def test_openvino_reads_the_onnx_file(onnx_file, generator, photos):
    openvino = pytest.importorskip("openvino")
    compiled = openvino.Core().compile_model(
        str(onnx_file.path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    batch = to_float(np.stack(photos))
    (anime,) = compiled([batch]).values()
    assert np.abs(anime - generator(batch, training=False)).mean() < EXACT.mean


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (13, 20)])
def test_onnx_runs_photos_smaller_than_the_network_takes(onnx_file, reference, photos, size):
    photo = fit(photos[0], *size)
    result = onnx_file.routes[0].run(photo)
    assert result.shape == (*size, 3)
    # The innermost norms are over four values here, which magnifies rounding.
    np.testing.assert_allclose(result, reference(photo), atol=0.02)
