"""ONNX, built layer by layer: the network has eight kinds of layers, all of them in opset 17."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan_tf.colors import LUMA, color_map
from animegan_tf.errors import Finding, UserError
from animegan_tf.exporting.onnx_expressions import Expression, Functions
from animegan_tf.exporting.parity import EXACT, Artifact, Limit, Route
from animegan_tf.images import to_float
from animegan_tf.networks.colors import FitColors
from animegan_tf.networks.frozen import layers_with_inputs
from animegan_tf.networks.generator import ANIME
from animegan_tf.networks.layers import (
    InstanceNormalization,
    LegacyBilinearResize,
    ReflectionPadding2D,
)
from animegan_tf.networks.padding import mirror_up

OPSET = 17
IR_VERSION = 8
"""Of 2022: read by every ONNX Runtime from 1.12, and by the converters of other frameworks."""


def check_onnx_installed() -> None:
    """Raises a UserError if a package of the extra is missing or does not load."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except (ImportError, AttributeError) as error:
        raise UserError(
            Finding(
                "--onnx",
                f"{error}",
                "pip install 'animegan-tf[onnx]', or choose other targets: --savedmodel, --tflite",
            )
        ) from error


def export_onnx(generator: tf.keras.Model, folder: Path, output: Path) -> Artifact:
    """Writes `generator.onnx`: float32 in [-1, 1], NHWC, any batch, height and width.

    Height and width must be multiples of 4, at least 8.

    Args:
        generator: as `build_generator` makes it, float32.
        folder: where it is written.
        output: the folder where it belongs.
    """
    import onnx

    path = folder / "generator.onnx"
    model = build_onnx(generator)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    return onnx_artifact("ONNX float32", path, output / path.name, EXACT)


def onnx_artifact(name: str, path: Path, destination: Path, limit: Limit) -> Artifact:
    """A written ONNX file as `Artifact`, opened by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(photo):
        height, width, _ = photo.shape
        (anime,) = session.run(["anime"], {"photo": to_float(mirror_up(photo))[None]})
        return anime[0, :height, :width]

    shape = "float32 [batch, height, width, 3] in [-1, 1]"
    return Artifact(
        name=name,
        path=path,
        destination=destination,
        limit=limit,
        runtime=f"ONNX Runtime {onnxruntime.__version__}",
        routes=[
            Route(
                "opset 17",
                f"photo: {shape}, height and width multiples of 4",
                f"anime: {shape}",
                run,
            )
        ],
    )


def build_onnx(generator: tf.keras.Model) -> Any:
    """The generator as an `onnx.ModelProto`. Inside it is NCHW, as ONNX's convolutions are."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers = [], []

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))

    def constant(name, array):
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    first, last = generator.layers[0].name, generator.layers[-1].name
    node("Transpose", ["photo"], f"{first}_nchw", perm=[0, 3, 1, 2])
    tensors = {first: f"{first}_nchw"}
    for layer, inputs in layers_with_inputs(generator):
        name = tensors[layer.name] = f"{layer.name}_nchw" if layer.name == ANIME else layer.name
        inputs = [tensors[input_name] for input_name in inputs]
        config = layer.get_config()
        if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
            (kernel,) = layer.get_weights()  # (height, width, channels, 1)
            kernel = constant(f"{name}_kernel", kernel.transpose(2, 3, 0, 1))
            node(
                "Conv",
                [*inputs, kernel],
                name,
                strides=list(layer.strides),
                group=layer.get_weights()[0].shape[2],
            )
        elif isinstance(layer, tf.keras.layers.Conv2D):
            (kernel,) = layer.get_weights()  # (height, width, in, out)
            kernel = constant(f"{name}_kernel", kernel.transpose(3, 2, 0, 1))
            node("Conv", [*inputs, kernel], name, strides=list(layer.strides))
        elif isinstance(layer, InstanceNormalization):
            gamma, beta = (
                constant(f"{name}_{part}", array)
                for part, array in zip(("gamma", "beta"), layer.get_weights())
            )
            node("InstanceNormalization", [*inputs, gamma, beta], name, epsilon=layer.epsilon)
        elif isinstance(layer, ReflectionPadding2D):
            (top, bottom), (left, right) = layer.padding
            pads = constant(
                f"{name}_pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            )
            node("Pad", [*inputs, pads], name, mode="reflect")
        elif isinstance(layer, LegacyBilinearResize):
            scales = constant(
                f"{name}_scales", np.array([1, 1, layer.factor, layer.factor], np.float32)
            )
            node(
                "Resize",
                [*inputs, "", scales],
                name,
                mode="linear",
                coordinate_transformation_mode="asymmetric",
            )
        elif isinstance(layer, tf.keras.layers.LeakyReLU):
            slope = config.get("negative_slope", config.get("alpha"))  # Keras 3, Keras 2.
            node("LeakyRelu", inputs, name, alpha=float(slope))
        elif isinstance(layer, tf.keras.layers.Add):
            node("Add", inputs, name)
        elif isinstance(layer, FitColors):
            photo, anime = inputs
            _fit_colors(Functions(node, constant, name), photo, anime, name)
        elif config.get("activation") == "tanh":
            node("Tanh", inputs, name)
        else:
            raise TypeError(f"no ONNX form of {layer.__class__.__name__} ({layer.name})")
    node("Transpose", [tensors[last]], "anime", perm=[0, 2, 3, 1])

    def picture(name):
        return helper.make_tensor_value_info(
            name,
            TensorProto.FLOAT,
            ["batch", "height", "width", 3],
            "RGB in [-1, 1], NHWC; height and width multiples of 4, at least 8",
        )

    graph = helper.make_graph(
        nodes, "animegan", [picture("photo")], [picture("anime")], initializers
    )
    return helper.make_model(
        graph,
        producer_name="animegan-tf",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def _fit_colors(f, photo, anime, output):
    """`FitColors` on tensors (B, 3, H, W) by their names."""
    x, y = (
        f.apply("Reshape", Expression(name, f), np.array([0, 3, -1])) * 0.5 + 0.5
        for name in (photo, anime)
    )

    def mean(x):
        return f.apply("ReduceMean", x, axes=[2])

    def turned(x):
        return f.apply("Transpose", x, perm=[0, 2, 1])

    of_x, of_y = mean(x), mean(y)
    x, centered = turned(x - of_x), y - of_y
    luma = x @ LUMA.T
    variance = f.apply("ReduceMean", luma * luma, axes=[1])
    size = f.apply("Gather", f.apply("Shape", y), np.array([2]))
    count = f.apply("Cast", size, to=1)
    across, own = (centered @ z / count for z in (x, turned(centered)))
    matrix, offset = color_map(f, turned(of_x), turned(of_y), variance, across, own)
    fitted = f.clip(turned(matrix) @ y + turned(offset), 0.0, 1.0) * 2 - 1
    f.apply("Reshape", fitted, f.apply("Shape", Expression(anime, f)), output=output)
