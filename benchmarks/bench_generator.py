"""The generator on a CPU: TensorFlow's engine beside ONNX Runtime, OpenVINO and PyTorch."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from harness import THREADS, Row, compare

from animegan_tf.data.scenery import draw_photo
from animegan_tf.exporting.onnx import build_onnx
from animegan_tf.exporting.parity import difference
from animegan_tf.images import to_float
from animegan_tf.networks.frozen import constant_network
from animegan_tf.networks.generator import build_generator, width_of
from animegan_tf.networks.loading import find_weights, read_model
from animegan_tf.styling.options import PRECISIONS
from animegan_tf.timing import alternate

SIZES = (256, 1024)


def rows(model: str | None, rounds: int) -> Iterator[Row]:
    generators = {
        precision: read_generator(model, dtype) for precision, dtype in PRECISIONS.items()
    }
    runs = {name: tensorflow_engine(generator) for name, generator in generators.items()}
    runs["keras"] = keras_engine(generators["float32"])
    rivals, missing = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (
            ("ONNX Runtime", onnx_runtime),
            ("OpenVINO", openvino_float32),
            ("OpenVINO bf16", openvino_bfloat16),
            ("PyTorch compiled", pytorch),
        ):
            try:
                rivals[name] = make(generators["float32"], Path(folder))
            except ImportError as error:
                missing[name] = f"not installed ({error.name})"

    for size in SIZES:
        photo = to_float(draw_photo(np.random.default_rng(0), size, size))[None]
        engines = {**runs, **rivals}
        times = alternate(
            {name: functools.partial(run, photo) for name, run in engines.items()},
            max(2, rounds * 256 // size),
            warm_up=2,
        )
        for ours, rival, reach in (
            ("float32", "ONNX Runtime", 0.7),
            ("float32", "OpenVINO", 1.2),
            ("bfloat16", "OpenVINO bf16", 1.5),
            ("float32", "PyTorch compiled", 0.4),
            ("float32", "keras", None),
        ):
            what = f"generator, {size}x{size}, {ours}"
            against = "the Keras model in a tf.function" if rival == "keras" else rival
            if rival in missing:
                yield Row(what, against, reach=reach, missing=missing[rival])
            else:
                yield compare(what, against, times[ours], times[rival], reach)
        found = difference([(runs["bfloat16"](photo), runs["float32"](photo))])
        weights = f"weights of {model}" if model else "random weights: give --model"
        yield Row(
            f"generator, {size}x{size}, bfloat16: PSNR in dB",
            "float32",
            found.psnr,
            found.psnr,
            40 if model else None,
            higher=True,
            detail=weights,
        )


def read_generator(model, dtype):
    if model is None:
        tf.keras.utils.set_random_seed(0)
        return build_generator(dtype=dtype)
    return read_model(find_weights(model), dtype)


def tensorflow_engine(generator) -> Callable:
    """What `Stylizer` runs on a CPU."""
    run = tf.function(
        constant_network(generator, batch_of_one=True),
        autograph=False,
        input_signature=[tf.TensorSpec((1, None, None, 3))],
    )
    return lambda photo: run(photo).numpy()


def keras_engine(generator) -> Callable:
    run = tf.function(
        lambda photo: generator(photo, training=False),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    return lambda photo: run(photo).numpy()


def onnx_runtime(generator, folder) -> Callable:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(
        str(write_onnx(generator, folder)), options, providers=["CPUExecutionProvider"]
    )
    return lambda photo: session.run(None, {"photo": photo})[0]


def openvino_float32(generator, folder) -> Callable:
    return openvino(generator, folder, "f32")


def openvino_bfloat16(generator, folder) -> Callable:
    return openvino(generator, folder, "bf16")


def openvino(generator, folder, precision) -> Callable:
    import openvino

    core = openvino.Core()
    model = core.read_model(write_onnx(generator, folder))
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": THREADS,
        },
    )
    return lambda photo: compiled(photo)[0]


def write_onnx(generator, folder) -> Path:
    import onnx

    path = folder / "generator.onnx"
    if not path.exists():
        onnx.save(build_onnx(generator), str(path))
    return path


def pytorch(generator, folder) -> Callable:
    import torch
    import torch_rival

    torch.set_num_threads(THREADS)
    width = width_of(generator)
    compiled = torch.compile(torch_rival.generator(width).eval(), dynamic=False)

    def run(photo):
        with torch.inference_mode():
            return compiled(torch.from_numpy(photo.transpose(0, 3, 1, 2).copy())).numpy()

    return run
