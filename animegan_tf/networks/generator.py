"""The generator: paper Fig. 1 and 2, with the details of the authors' code."""

from __future__ import annotations

import collections
import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path

import h5py
import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.layers import (
    InstanceNormalization,
    LegacyBilinearResize,
    ReflectionPadding2D,
)

WIDTH = 64
"""Channels of the first convolution in the paper: 3,956,096 parameters."""


def build_generator(width: int = WIDTH, dtype: str = "float32") -> tf.keras.Model:
    """The photo-to-anime network (paper Fig. 1; Table 1: 3,956,096 parameters at width 64).

    An encoder-decoder of standard convolutions, depthwise separable convolutions and eight
    inverted residual blocks. No convolution has a bias. Where the paper's drawing and the
    authors' code differ, the code decides, since Table 1 and the released weights follow it:
    nothing stands between the two halves of a separable convolution, and the last up-convolution
    keeps 2 * width channels.

    Input and output: (B, H, W, 3) RGB in [-1, 1], any H and W of at least 8. A side that 4 does
    not divide is floored at each halving: the output has 4 * ((H // 2) // 2) rows.

    Args:
        width: channels of the first convolution; all others scale with it.
        dtype: Keras dtype policy of the convolutions ("float32", "mixed_bfloat16"); norms compute
            in float32, and the output is float32, in any case.
    """

    def layer(kind, *args, **kwargs):
        return kind(*args, dtype=dtype, **kwargs)

    def norm(x, name, epsilon=1e-5):
        return InstanceNormalization(epsilon, name=f"{name}_norm")(x)

    def leaky_relu(x, name):
        return layer(tf.keras.layers.LeakyReLU, 0.2, name=f"{name}_act")(x)

    def pad(x, name, padding=((1, 1), (1, 1))):
        return layer(ReflectionPadding2D, padding, name=f"{name}_pad")(x)

    def resize(x, factor, name):
        return layer(LegacyBilinearResize, factor, name=f"{name}_resize")(x)

    def convolve(x, filters, size, name):
        return layer(
            tf.keras.layers.Conv2D,
            filters,
            size,
            use_bias=False,
            kernel_initializer="glorot_uniform",
            name=name,
        )(x)

    def depthwise(x, name, strides=1, initializer="glorot_uniform"):
        return layer(
            tf.keras.layers.DepthwiseConv2D,
            3,
            strides,
            use_bias=False,
            depthwise_initializer=initializer,
            name=name,
        )(x)

    def conv_block(x, filters, name):
        x = convolve(pad(x, name), filters, 3, name)
        return leaky_relu(norm(x, name), name)

    def separable(x, filters, name, strides=1):
        padding = ((1, 1), (1, 1)) if strides == 1 else ((0, 1), (0, 1))
        x = depthwise(pad(x, name, padding), f"{name}_depthwise", strides)
        x = convolve(x, filters, 1, f"{name}_pointwise")
        return leaky_relu(norm(x, name, epsilon=1e-6), name)

    def down_conv(x, filters, name):
        strided = separable(x, filters, f"{name}_strided", strides=2)
        resized = separable(resize(x, 0.5, name), filters, f"{name}_resized")
        return layer(tf.keras.layers.Add, name=name)([strided, resized])

    def up_conv(x, filters, name):
        return separable(resize(x, 2.0, name), filters, name)

    def inverted_residual(x, name):
        y = convolve(x, 8 * width, 1, f"{name}_expand")
        y = leaky_relu(norm(y, f"{name}_expand"), f"{name}_expand")
        truncated_normal = tf.keras.initializers.TruncatedNormal(stddev=0.02)
        y = depthwise(pad(y, name), f"{name}_depthwise", initializer=truncated_normal)
        y = leaky_relu(norm(y, f"{name}_depthwise"), f"{name}_depthwise")
        y = norm(convolve(y, 4 * width, 1, f"{name}_project"), f"{name}_project")
        return layer(tf.keras.layers.Add, name=name)([x, y])

    photo = tf.keras.Input((None, None, 3), name="photo")
    x = conv_block(photo, width, "b1_conv1")
    x = conv_block(x, width, "b1_conv2")
    x = down_conv(x, 2 * width, "b1_down")

    x = conv_block(x, 2 * width, "b2_conv")
    x = separable(x, 2 * width, "b2_sep")
    x = down_conv(x, 4 * width, "b2_down")

    x = conv_block(x, 4 * width, "m_conv1")
    for i in range(1, 9):
        x = inverted_residual(x, f"m_r{i}")
    x = conv_block(x, 4 * width, "m_conv2")

    x = up_conv(x, 2 * width, "u2_up")
    x = separable(x, 2 * width, "u2_sep")
    x = conv_block(x, 2 * width, "u2_conv")

    x = up_conv(x, 2 * width, "u1_up")
    x = conv_block(x, width, "u1_conv1")
    x = conv_block(x, width, "u1_conv2")

    x = convolve(x, 3, 1, "output_conv")
    anime = tf.keras.layers.Activation("tanh", dtype="float32", name="anime")(x)
    return tf.keras.Model(photo, anime, name="generator")


def save_generator(generator: tf.keras.Model, path: str | os.PathLike) -> None:
    """Writes a float32 Keras file (`*.keras`); a crash leaves the earlier file as it was."""
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        written = Path(folder) / "generator.keras"
        generator.save(written)
        os.replace(written, path)


def load_generator(path: str | os.PathLike, dtype: str = "float32") -> tf.keras.Model:
    """Reads a generator from a Keras file that `save_generator` wrote, on either Keras.

    Keras 2 and Keras 3 don't read each other's layer configurations, but they agree on how
    weights are laid out. So the network is built anew, at the width that the file has, and only
    the weights are read.

    Args:
        path: the `.keras` file.
        dtype: as in `build_generator`.

    Raises:
        UserError: the file is missing, damaged, or holds another network.
    """
    remedy = "Give the generator.keras of a training run"
    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
            weights = archive.read("model.weights.h5")
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UserError(
            Finding(str(path), f"not a readable Keras file ({error})", remedy)
        ) from error
    widths = [layer["config"]["filters"] for layer in layers if layer.get("name") == "b1_conv1"]
    if len(widths) != 1:
        raise UserError(Finding(str(path), "a Keras model, but not an AnimeGAN generator", remedy))
    generator = build_generator(widths[0], dtype)
    try:
        with h5py.File(io.BytesIO(weights)) as file:
            _set_weights(generator, file["layers"])
    except (KeyError, ValueError, OSError) as error:
        raise UserError(Finding(str(path), f"its weights do not fit ({error})", remedy)) from error
    return generator


def _set_weights(model, groups):
    """Reads Keras's weights layout: `<class>`, `<class>_1`, ..., each with `vars/0`, `vars/1`."""
    seen = collections.Counter()
    for layer in model.layers:
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        if layer.weights:
            arrays = groups[name]["vars"]
            layer.set_weights([arrays[str(i)][()] for i in range(len(arrays))])
