"""The SavedModel as TensorFlow Serving uses it: a session, fed by SignatureDef names."""

import base64
import concurrent.futures
import contextlib
import functools
import http.server
import importlib.util
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from bombs import jpeg_of_scans
from PIL import Image, ImageOps
from project import ROOT
from soak import SessionServer, soak

from animegan_tf import build_generator
from animegan_tf.exporting import saved_model, serving
from animegan_tf.exporting.parity import EXACT, Reference, check
from animegan_tf.images import encode_image, read_rgb, to_float, to_uint8

CLIENT = ROOT / "examples" / "serving_client.py"
NAME = "tiny"
MAX_PIXELS = 200_000

needs_serving_api = pytest.mark.skipif(
    not importlib.util.find_spec("tensorflow_serving"), reason="needs tensorflow-serving-api"
)


def photo(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BILINEAR))


@pytest.fixture(scope="module")
def generator():
    tf.keras.utils.set_random_seed(0)
    return build_generator(8)


@pytest.fixture(scope="module")
def reference(generator):
    return Reference(generator)


@pytest.fixture(scope="module")
def exported(generator, tmp_path_factory):
    """The artifact, below a folder as the server expects it: NAME/1."""
    folder = tmp_path_factory.mktemp("export")
    artifact = saved_model.export_saved_model(
        generator, NAME, folder, folder / NAME, photo(64, 80), MAX_PIXELS
    )
    artifact.destination.parent.mkdir()
    os.rename(artifact.path, artifact.destination)
    return artifact


def predict_row_form(server, request):
    """The REST interface's row form, for a signature with one input and one output."""
    rows = [base64.b64decode(row["image_bytes"]["b64"]) for row in request["instances"]]
    ((key, result),) = server.predict("serving_default", {"image_bytes": rows}).items()
    assert key.endswith("_bytes")  # Only then does the server encode it.
    return {"predictions": [{"b64": base64.b64encode(value).decode()} for value in result]}


@pytest.fixture(scope="module")
def server(exported):
    server = SessionServer(exported.destination)
    yield server
    server.session.close()


def stylize(server, *contents):
    result = server.predict("serving_default", {"image_bytes": list(contents)})["image_bytes"]
    return [read_rgb(png) for png in result]


def differs_by_rounding(result, expected):
    """uint8 pictures are alike but for values that lie on the border between two integers."""
    difference = np.abs(result.astype(int) - expected)
    return difference.max() <= 1 and difference.mean() < 0.01


def test_every_signature_equals_the_keras_model(exported, reference):
    artifact = exported
    checked = check(artifact, reference, [photo(320, 400)])
    assert [row.route.name for row in checked.measured] == [
        "serving_default",
        "serving_tolerant",
        "uint8",
        "float",
    ]
    assert checked.holds
    assert all(row.difference.mean <= EXACT.mean for row in checked.measured)


def test_signatures_have_the_promised_names_types_and_shapes(server):
    def shown(infos):
        return {
            key: (tf.dtypes.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim])
            for key, info in infos.items()
        }

    assert shown(server.signatures["serving_default"].inputs) == {"image_bytes": ("string", [-1])}
    assert shown(server.signatures["serving_default"].outputs) == {"image_bytes": ("string", [-1])}
    tolerant = server.signatures["serving_tolerant"]
    assert shown(tolerant.inputs) == {"image_bytes": ("string", [-1])}
    assert shown(tolerant.outputs) == {"image_bytes": ("string", [-1]), "error": ("string", [-1])}
    for name, dtype in (("uint8", "uint8"), ("float", "float32")):
        picture = {"image": (dtype, [-1, -1, -1, 3])}
        assert shown(server.signatures[name].inputs) == picture
        assert shown(server.signatures[name].outputs) == picture


def test_one_request_mixes_sizes_and_formats(server, reference):
    photos = [photo(20, 31), photo(1, 1), photo(48, 16), photo(9, 64)]
    contents = [
        encode_image(picture, kind) for picture, kind in zip(photos, ("PNG", "PNG", "BMP", "PNG"))
    ]
    for result, picture in zip(stylize(server, *contents), photos):
        assert result.shape == picture.shape
        assert differs_by_rounding(result, to_uint8(reference(picture)))
    jpeg, gray = encode_image(photo(33, 40), "JPEG"), io.BytesIO()
    Image.fromarray(photo(12, 14)[..., 0]).save(gray, "PNG")
    assert [result.shape for result in stylize(server, jpeg, gray.getvalue())] == [
        (33, 40, 3),
        (12, 14, 3),
    ]


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (2, 3), (7, 8), (13, 10)])
def test_any_size_comes_back_as_it_was(server, reference, height, width):
    batch = np.stack([photo(height, width, seed) for seed in range(2)])
    expected = np.stack([reference(picture) for picture in batch])
    anime = server.predict("float", {"image": to_float(batch)})["image"]
    # The innermost norms are over four values here, which magnifies rounding.
    np.testing.assert_allclose(anime, expected, atol=0.02)
    anime = server.predict("uint8", {"image": batch})["image"]
    assert anime.dtype == np.uint8
    np.testing.assert_allclose(anime.astype(int), to_uint8(expected), atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_of_phones_come_back_upright(server, orientation):
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(photo(24, 40)).save(file, "JPEG", exif=exif)
    as_stored = Image.fromarray(tf.io.decode_jpeg(file.getvalue()).numpy())
    as_stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(as_stored))
    assert upright.shape == ((24, 40, 3) if orientation < 5 else (40, 24, 3))
    result, expected = stylize(server, file.getvalue(), encode_image(upright, "PNG"))
    np.testing.assert_array_equal(result, expected)


def bad_contents():
    jpeg, png = encode_image(photo(40, 40), "JPEG"), encode_image(photo(40, 40), "PNG")
    return {
        "empty": b"",
        "text": b"not a picture",
        "cut JPEG": jpeg[:-100],
        "cut PNG": png[: len(png) // 2],
        "JPEG's start": jpeg[:2],
        "cut EXIF": b"\xff\xd8\xff\xe1\x00\x20Exif\0\0II*\0\xff\xff\xff\xff",
    }


@pytest.mark.parametrize("kind", bad_contents())
def test_an_error_names_the_bad_row_and_the_server_goes_on(server, kind):
    good = encode_image(photo(16, 16), "PNG")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="row 1 of image_bytes is not a readable picture"
    ):
        stylize(server, good, bad_contents()[kind], good)
    assert stylize(server, good)[0].shape == (16, 16, 3)


@functools.cache
def too_large():
    """Small files that would unpack to much."""
    png, jpeg = encode_image(photo(40, 40), "PNG"), encode_image(photo(40, 40), "JPEG")
    bmp, animation = encode_image(photo(40, 40), "BMP"), io.BytesIO()
    frames = [Image.fromarray(photo(60, 60, seed)) for seed in range(100)]
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    header = jpeg.index(b"\xff\xc0") + 5
    one_row = png[:16] + struct.pack(">II", 30_000, 1) + png[24:]
    return {
        "PNG": (png[:16] + struct.pack(">II", 20_000, 20_000) + png[24:], 400_000_000),
        "PNG of 32 bits": (png[:16] + struct.pack(">II", 2**32 - 1, 2**32 - 1) + png[24:], None),
        "row that is mirrored": (one_row, 240_000),
        "JPEG": (jpeg[:header] + struct.pack(">HH", 60_000, 500) + jpeg[header + 4 :], 30_000_000),
        "BMP": (bmp[:18] + struct.pack("<ii", 10_000, -300) + bmp[26:], 3_000_000),
        "GIF": (animation.getvalue(), None),
        "GIF of short blocks": (b"GIF89a\1\0\1\0\0\0\0\x21\xfe" + b"\1x" * 25_000, None),
        "JPEG of many scans": (jpeg_of_scans(100), None),
        "GIF without end": (b"GIF89a\1\0\1\0\0\0\0\x21\xfe" + b"\1x" * 300_000, None),
    }


@pytest.mark.parametrize("kind", too_large())
def test_a_picture_too_large_by_its_header_is_refused_before_it_is_decoded(server, kind):
    good = encode_image(photo(16, 16), "PNG")
    contents, pixels = too_large()[kind]
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        stylize(server, good, contents)
    assert f"row 1 of image_bytes is too large: {pixels or ''}" in str(raised.value)
    assert "the limit is 200000" in str(raised.value)


def test_pictures_up_to_the_limit_are_styled(server):
    (result,) = stylize(server, encode_image(photo(400, 500), "JPEG"))
    assert result.shape == (400, 500, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large: 200500 pixels"):
        stylize(server, encode_image(photo(401, 500), "JPEG"))


def test_a_progressive_jpeg_is_styled_whatever_its_segments_hold(server, reference):
    """A thumbnail's markers are not the picture's."""
    for data in (jpeg_of_scans(10), encode_image(photo(40, 40), "JPEG")):
        inside = jpeg_of_scans(100, 8, 8)
        segment = b"\xff\xe5" + struct.pack(">H", 2 + len(inside)) + inside
        result, expected = stylize(server, data[:2] + segment + data[2:], data)
        np.testing.assert_array_equal(result, expected)


def test_one_frame_of_a_gif_is_styled(server):
    frames, file = [Image.fromarray(photo(20, 30, seed)) for seed in range(3)], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    (result,) = stylize(server, file.getvalue())
    assert result.shape == (20, 30, 3)


def test_bad_rows_are_answered_for_by_themselves(server):
    good = [encode_image(photo(16 + 4 * n, 20, n), "PNG") for n in range(3)]
    bad = [*bad_contents().values(), too_large()["PNG"][0], too_large()["GIF"][0]]
    rows = [good[0], *bad[:4], good[1], *bad[4:], good[2]]
    answer = server.predict("serving_tolerant", {"image_bytes": rows})
    answered = zip(rows, answer["image_bytes"], answer["error"])
    for contents, png, error in answered:
        if contents in good:
            assert error == b""
            np.testing.assert_array_equal(read_rgb(png), stylize(server, contents)[0])
        else:
            assert png == b""
            assert b"not a readable picture" in error or b"too large" in error
    assert answer["error"][-2].startswith(b"is too large: 360000 pixels")
    empty = server.predict("serving_tolerant", {"image_bytes": []})
    assert [len(value) for value in empty.values()] == [0, 0]


def test_an_empty_request_gives_an_empty_answer(server):
    assert stylize(server) == []


def test_nothing_is_lost_among_200_concurrent_requests(server, reference):
    photos = [
        photo(height, width, seed)
        for seed, (height, width) in enumerate([(16, 16), (9, 30), (24, 17), (40, 8)])
    ]
    contents = [encode_image(picture, "PNG") for picture in photos]
    expected = [to_uint8(reference(picture)) for picture in photos]
    bad = list(bad_contents().values())

    def request(number):
        if number % 10 == 7:
            try:
                stylize(server, contents[0], bad[number // 10 % len(bad)])
            except tf.errors.InvalidArgumentError as error:
                return "refused" if "row 1 of image_bytes" in str(error) else str(error)
        first, second = number % 4, (number + 1) % 4
        results = stylize(server, contents[first], contents[second])
        right = all(
            differs_by_rounding(result, expected[i]) for result, i in zip(results, (first, second))
        )
        return "right" if right and len(results) == 2 else "wrong"

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(request, range(200)))
    assert answers.count("refused") == 20
    assert answers.count("right") == 180


def test_a_soak_in_miniature(server):
    found = soak(server.predict, requests=60, clients=8, max_side=60)
    assert found.wrong == []
    assert found.requests == 60 and 0 < found.refused < 15


def test_a_soak_finds_wrong_answers(server):
    def predict(signature, inputs):
        answer = server.predict(signature, inputs)
        return {**answer, "image_bytes": answer["image_bytes"][::-1]}

    found = soak(predict, requests=12, clients=2, max_side=12)
    assert any("another answer than alone" in problem for problem in found.wrong)


def test_the_graph_is_frozen_and_of_standard_operations(server):
    graph = server.session.graph.as_graph_def()
    operations = {
        node.op
        for nodes in [graph.node] + [f.node_def for f in graph.library.function]
        for node in nodes
    }
    assert "FusedBatchNormV3" in operations  # The form of the norm that CPU kernels fuse.
    assert not {op for op in operations if "PyFunc" in op or "Variable" in op}
    largest = max(graph.library.function, key=lambda function: function.ByteSize())
    others = [function for function in graph.library.function if function is not largest]
    # The weights are there once, not once for each signature.
    assert all(function.ByteSize() < largest.ByteSize() / 5 for function in others)


FRESH = """
import sys
import tensorflow as tf
model, source, target = sys.argv[1:]
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], model)
    signature = loaded.signature_def["serving_default"]
    png, = session.run(signature.outputs["image_bytes"].name,
                       {signature.inputs["image_bytes"].name: [open(source, "rb").read()]})
assert not any(name.startswith("animegan") for name in sys.modules)
open(target, "wb").write(png)
"""


def test_a_fresh_process_without_the_project_runs_it(exported, reference, tmp_path):
    picture = photo(30, 50)
    (tmp_path / "photo.png").write_bytes(encode_image(picture, "PNG"))
    subprocess.run(  # -I: neither this folder nor PYTHONPATH.
        [
            sys.executable,
            "-I",
            "-c",
            FRESH,
            exported.destination,
            tmp_path / "photo.png",
            tmp_path / "anime.png",
        ],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert differs_by_rounding(read_rgb(tmp_path / "anime.png"), to_uint8(reference(picture)))


def warmup_records(exported):
    path = str(exported.destination / "assets.extra" / "tf_serving_warmup_requests")
    return [record.numpy() for record in tf.data.TFRecordDataset(path)]


@needs_serving_api
def test_warmup_requests_are_read_and_replayed(exported, server):
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    signatures = []
    for record in warmup_records(exported):
        log = PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == NAME
        signatures.append(request.model_spec.signature_name)
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        results = server.predict(signatures[-1], inputs)
        assert all(len(result) == 1 for result in results.values())
    assert signatures == ["serving_default", "serving_tolerant", "uint8", "float"]


@needs_serving_api
def test_prediction_log_is_what_the_serving_api_writes():
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    value = np.arange(3000, dtype=np.uint8).reshape(1, 10, 100, 3)
    expected = PredictionLog()
    request = expected.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = "a" * 200, "uint8"
    request.inputs["image"].CopyFrom(tf.make_tensor_proto(value))
    ours = serving.prediction_log("a" * 200, "uint8", {"image": value})
    assert PredictionLog.FromString(ours) == expected


def test_versions_count_up(tmp_path):
    assert saved_model.next_version(tmp_path / "none") == 1
    for name in ("1", "9", "10", "notes"):
        (tmp_path / name).mkdir()
    assert saved_model.next_version(tmp_path) == 11


@contextlib.contextmanager
def rest_server(server):
    """TensorFlow Serving's REST row form in front of the session."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = 200, None
            try:
                assert self.path == f"/v1/models/{NAME}:predict"
                answer = predict_row_form(server, request)
            except tf.errors.InvalidArgumentError as error:
                status, answer = 400, {"error": str(error)}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as http_server:
        threading.Thread(target=http_server.serve_forever, daemon=True).start()
        yield f"http://localhost:{http_server.server_port}"
        http_server.shutdown()


def run_client(*args):
    return subprocess.run(
        [sys.executable, CLIENT, "--model", NAME, *args],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_client_styles_a_file_over_rest(server, reference, tmp_path):
    picture = photo(26, 34)
    source = tmp_path / "photo.png"
    source.write_bytes(encode_image(picture, "PNG"))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"nothing")
    with rest_server(server) as url:
        done = run_client("--url", url, str(source))
        refused = run_client("--url", url, str(bad))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "photo_anime.png")
    assert differs_by_rounding(read_rgb(tmp_path / "photo_anime.png"), to_uint8(reference(picture)))
    assert refused.returncode == 1
    assert "row 0 of image_bytes is not a readable picture" in refused.stderr
    assert not (tmp_path / "bad_anime.png").exists()
    assert run_client("--output", str(source), str(source)).returncode == 2
    np.testing.assert_array_equal(read_rgb(source), picture)


@needs_serving_api
def test_the_client_styles_a_file_over_grpc(server, reference, tmp_path):
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == NAME
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            try:
                results = server.predict(request.model_spec.signature_name, inputs)
            except tf.errors.InvalidArgumentError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse()
            for key, value in results.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    picture = photo(26, 34)
    source, bad = tmp_path / "photo.png", tmp_path / "bad.png"
    source.write_bytes(encode_image(picture, "PNG"))
    bad.write_bytes(b"nothing")
    grpc_server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), grpc_server)
    port = grpc_server.add_insecure_port("localhost:0")
    grpc_server.start()
    done = run_client("--grpc", f"localhost:{port}", str(source))
    refused = run_client("--grpc", f"localhost:{port}", str(bad))
    grpc_server.stop(None).wait()
    assert done.returncode == 0, done.stderr
    assert differs_by_rounding(read_rgb(tmp_path / "photo_anime.png"), to_uint8(reference(picture)))
    assert refused.returncode == 1
    assert "row 0 of image_bytes is not a readable picture" in refused.stderr


def test_openvino_reads_the_float_signature(exported, reference):
    openvino = pytest.importorskip("openvino")
    # OpenVINO has no kernels for strings: it gets the signature that needs none.
    loaded = tf.saved_model.load(str(exported.destination))
    model = openvino.convert_model(loaded.signatures["float"])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    batch = np.stack([photo(24, 40, seed) for seed in range(2)])
    (result,) = compiled([to_float(batch)]).values()
    expected = np.stack([reference(picture) for picture in batch])
    assert np.abs(result - expected).mean() <= EXACT.mean


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.mark.skipif(
    "TF_SERVING_BINARY" not in os.environ,
    reason="TF_SERVING_BINARY does not name tensorflow_model_server",
)
def test_the_real_server_keeps_the_contract(exported, reference, tmp_path):
    rest, grpc_port = free_port(), free_port()
    process = subprocess.Popen(
        [
            os.environ["TF_SERVING_BINARY"],
            f"--rest_api_port={rest}",
            f"--port={grpc_port}",
            f"--model_name={NAME}",
            f"--model_base_path={exported.destination.parent}",
        ]
    )
    picture = photo(26, 34)
    source, bad = tmp_path / "photo.png", tmp_path / "bad.png"
    source.write_bytes(encode_image(picture, "PNG"))
    bad.write_bytes(b"nothing")
    try:
        url = f"http://localhost:{rest}"
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/v1/models/{NAME}")
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.5)
        refused = run_client("--url", url, str(bad))
        done = run_client("--url", url, str(source))
    finally:
        process.terminate()
        process.wait()
    assert "row 0 of image_bytes is not a readable picture" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert differs_by_rounding(read_rgb(tmp_path / "photo_anime.png"), to_uint8(reference(picture)))
