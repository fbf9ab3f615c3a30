"""What TensorFlow Serving wants beside the model: warm-up requests, configuration, a command."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.images import encode_image, to_float

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"


def write_warmup(path: Path, name: str, photo: np.ndarray) -> None:
    """Requests that the server answers before it reports ready: one for each signature.

    A TFRecord of `tensorflow.serving.PredictionLog`.
    """
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, key, value in (
            ("serving_default", "image_bytes", [encode_image(photo, "JPEG")]),
            ("serving_tolerant", "image_bytes", [encode_image(photo, "JPEG")]),
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
