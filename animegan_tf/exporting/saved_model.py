"""SavedModel for TensorFlow Serving: pictures in, pictures out, one graph of standard operations.

Signatures:
    serving_default: `image_bytes`, encoded pictures (string, [N]), any sizes in one request, to
        `image_bytes`, PNG of exactly those sizes.
    uint8: `image`, (N, H, W, 3) RGB in 0..255, to `image`, the same.
    float: `image`, float32 (N, H, W, 3) RGB in [-1, 1], to `image`, the same.

Pictures go through the network one by one. That bounds memory, lets rows differ in size, and
allows the form of the norm that CPU kernels compute at once. The server decodes base64 of REST
requests, and encodes outputs whose name ends in `_bytes`.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.parity import EXACT, Artifact, Route
from animegan_tf.exporting.photos import fit
from animegan_tf.images import encode_image, to_float
from animegan_tf.networks.frozen import constant_network, on_pixels
from animegan_tf.networks.padding import mirror_up_in_graph

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"


def export_saved_model(
    generator: tf.keras.Model, name: str, folder: Path, output: Path, photo: np.ndarray
) -> Artifact:
    """Writes the SavedModel with its warm-up requests.

    Args:
        generator: as `build_generator` makes it, float32.
        name: under which the server offers it.
        folder: where it is written.
        output: the folder of versions; its next free integer is the destination.
        photo: uint8 (H, W, 3), for the warm-up.
    """
    path = folder / "savedmodel"
    module = ServingModule(generator)
    tf.saved_model.save(
        module,
        str(path),
        signatures={
            "serving_default": module.from_image_bytes,
            "uint8": module.from_uint8,
            "float": module.from_float,
        },
    )
    write_warmup(path / WARMUP_FILE, name, fit(photo, 128, 128))

    signatures = tf.saved_model.load(str(path)).signatures

    def from_image_bytes(photo):
        (png,) = signatures["serving_default"](
            image_bytes=tf.constant([encode_image(photo, "PNG")])
        )["image_bytes"]
        return tf.io.decode_png(png).numpy()

    return Artifact(
        name="SavedModel",
        path=path,
        destination=output / str(next_version(output)),
        limit=EXACT,
        runtime=f"TensorFlow {tf.__version__}",
        routes=[
            Route(
                "serving_default",
                "image_bytes: string [N], any sizes",
                "image_bytes: string [N], PNG",
                from_image_bytes,
            ),
            Route(
                "uint8",
                "image: uint8 [N, H, W, 3]",
                "image: uint8 [N, H, W, 3]",
                lambda photo: signatures["uint8"](image=tf.constant(photo[None]))["image"][
                    0
                ].numpy(),
            ),
            Route(
                "float",
                "image: float32 [N, H, W, 3] in [-1, 1]",
                "image: the same",
                lambda photo: signatures["float"](image=tf.constant(to_float(photo)[None]))[
                    "image"
                ][0].numpy(),
            ),
        ],
    )


def next_version(folder: Path) -> int:
    """The integer after the highest version in a folder; 1 if there is none."""
    return 1 + max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=0)


class ServingModule(tf.Module):
    """The signatures as methods; weights are constants of the graph."""

    def __init__(self, generator: tf.keras.Model):
        super().__init__()
        network = constant_network(generator, batch_of_one=True)
        self._network = tf.function(network, input_signature=[tf.TensorSpec((1, None, None, 3))])
        self._one_from_uint8 = on_pixels(self._one_from_float)

    def _one_from_float(self, photo):
        height, width = tf.shape(photo)[0], tf.shape(photo)[1]
        return self._network(mirror_up_in_graph(photo)[None])[0, :height, :width]

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")])
    def from_float(self, image):
        anime = tf.map_fn(
            self._one_from_float,
            image,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.float32),
        )
        return {"image": anime}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "image")])
    def from_uint8(self, image):
        anime = tf.map_fn(
            self._one_from_uint8,
            image,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
        )
        return {"image": anime}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def from_image_bytes(self, image_bytes):
        def one(row_and_contents):
            return tf.io.encode_png(self._one_from_uint8(_decode(*row_and_contents)))

        rows = tf.range(tf.size(image_bytes))
        return {
            "image_bytes": tf.map_fn(
                one,
                (rows, image_bytes),
                parallel_iterations=1,
                fn_output_signature=tf.TensorSpec((), tf.string),
            )
        }


def _decode(row, contents):
    """One picture, upright, uint8 (H, W, 3); an error names the row.

    The decoders' own errors don't say which row was bad. A data set of one picture drops it when
    it fails, and what is missing can be reported.
    """
    options = tf.data.Options()
    # Each call would otherwise optimize this tiny pipeline anew.
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    pictures = tf.data.Dataset.from_tensors(contents).map(_decode_image).ignore_errors()
    pictures = pictures.with_options(options)
    empty = tf.zeros((0, 0, 3), tf.uint8)
    photo = pictures.reduce(empty, lambda _, picture: picture)
    complaint = tf.strings.join(
        [
            "row ",
            tf.strings.as_string(row),
            " of image_bytes is not a readable picture (",
            tf.strings.as_string(tf.strings.length(contents)),
            " bytes): send the bytes of a JPEG, PNG, GIF or BMP file",
        ]
    )
    with tf.control_dependencies([tf.debugging.Assert(tf.size(photo) > 0, [complaint])]):
        photo = tf.ensure_shape(tf.identity(photo), (None, None, 3))
        return _turn_upright(photo, _exif_orientation(contents))


def _decode_image(contents):
    picture = tf.io.decode_image(contents, channels=3, expand_animations=False)
    return tf.ensure_shape(picture, (None, None, 3))


def _turn_upright(picture, orientation):
    transposed = tf.transpose(picture, (1, 0, 2))
    return tf.switch_case(
        orientation - 1,
        [
            lambda: picture,
            lambda: picture[:, ::-1],
            lambda: picture[::-1, ::-1],
            lambda: picture[::-1],
            lambda: transposed,
            lambda: transposed[:, ::-1],
            lambda: transposed[::-1, ::-1],
            lambda: transposed[::-1],
        ],
    )


def _exif_orientation(contents):
    """The orientation in a JPEG's EXIF header, 1 to 8; 1 where there is none.

    EXIF is a TIFF header after "Exif\\0\\0": byte order, the offset of a directory, and there
    entries of 12 bytes: tag, type, count, value. Orientation is tag 0x0112.
    """
    limit = 65536  # EXIF is one JPEG segment.
    data = tf.cast(tf.io.decode_raw(tf.strings.substr(contents, 0, limit), tf.uint8), tf.int32)
    marker = np.frombuffer(b"Exif\0\0", np.uint8).astype(np.int32)
    count = tf.size(data) - len(marker) + 1
    is_marker = tf.reduce_all(
        tf.stack([data[i : i + tf.maximum(count, 0)] == value for i, value in enumerate(marker)]),
        axis=0,
    )
    is_jpeg = tf.equal(tf.strings.substr(contents, 0, 2), b"\xff\xd8")
    starts = tf.where(is_marker)[:, 0]

    def read():
        tiff = data[tf.cast(starts[0], tf.int32) + len(marker) :]
        tiff = tf.concat([tiff, tf.zeros(16, tf.int32)], axis=0)
        little = tiff[0] == ord("I")

        def number(offset, length):
            offset = tf.clip_by_value(offset, 0, tf.size(tiff) - length)
            parts = tiff[offset : offset + length]
            parts = tf.cond(little, lambda: parts[::-1], lambda: parts)
            return tf.reduce_sum(parts * 256 ** np.arange(length)[::-1].astype(np.int32))

        directory = number(4, 4)
        found = tf.constant(1)
        for entry in tf.range(number(directory, 2)):
            offset = directory + 2 + 12 * entry
            if number(offset, 2) == 0x0112:
                found = number(offset + 8, 2)
        return found if found >= 1 and found <= 8 else tf.constant(1)

    return tf.cond(tf.logical_and(is_jpeg, tf.size(starts) > 0), read, lambda: tf.constant(1))


def write_warmup(path: Path, name: str, photo: np.ndarray) -> None:
    """Requests that the server answers before it reports ready: one for each signature.

    A TFRecord of `tensorflow.serving.PredictionLog`.
    """
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, key, value in (
            ("serving_default", "image_bytes", [encode_image(photo, "JPEG")]),
            ("uint8", "image", photo[None]),
            ("float", "image", to_float(photo)[None]),
        ):
            writer.write(prediction_log(name, signature, {key: value}))


def prediction_log(name: str, signature: str, inputs: dict[str, object]) -> bytes:
    """A serialized `tensorflow.serving.PredictionLog` of one Predict request.

    The few fields are encoded here: the package that has these messages, tensorflow-serving-api,
    ties itself to one TensorFlow.
    """
    model = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, model) + b"".join(
        _field(2, _field(1, key.encode()) + _field(2, _tensor_bytes(value)))
        for key, value in inputs.items()
    )
    return _field(6, _field(1, request))


def _tensor_bytes(value):
    return tf.make_tensor_proto(value).SerializeToString()


def _field(number, payload):
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value):
    low = value & 0x7F
    return struct.pack("B", low | 0x80) + _varint(value >> 7) if value > 0x7F else bytes([low])


def serving_files(name: str) -> dict[str, str]:
    """The server's configuration files, for a model mounted at /models/NAME."""
    return {
        "model.config": f"""model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}/savedmodel"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
""",
        "batching.config": """max_batch_size { value: 8 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 2 }
""",
    }


def docker_command(name: str, output: Path) -> str:
    """How to serve the exports of a style: REST on port 8501, gRPC on 8500."""
    return (
        f"docker run --rm -p 8500:8500 -p 8501:8501 "
        f'--mount type=bind,source="{output.resolve()}",target=/models/{name} '
        f"tensorflow/serving --model_config_file=/models/{name}/serving/model.config"
    )
