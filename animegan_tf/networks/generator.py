"""The generator: paper Fig. 1 and 2, with the details of the authors' code."""

from __future__ import annotations

import re
from typing import NamedTuple

import tensorflow as tf

from animegan_tf.networks.layers import (
    InstanceNormalization,
    LegacyBilinearResize,
    ReflectionPadding2D,
)

WIDTH = 64
"""Channels of the first convolution in the paper: 3,956,096 parameters."""

MAX_WIDTH = 512
"""No file of a wider generator is read: it would be larger than 1 GB."""


class Stage(NamedTuple):
    """One part of the network, for those who take it apart: tiles, quantization.

    Attributes:
        name: its layers have names that begin with it.
        scale: pixels of the photo on a side of one pixel of its output: 1, 2, or 4.
        normalized: the convolutions whose outputs a norm takes, in order. Those that stand side
            by side, in the branches of a down-convolution, are in one tuple.
        output: the layer that gives the stage's output.
        residual: its output is its input plus what it computes.
    """

    name: str
    scale: int
    normalized: tuple[tuple[str, ...], ...]
    output: str
    residual: bool = False


def _conv_block(name, scale):
    return Stage(name, scale, ((name,),), f"{name}_act")


def _separable(name, scale):
    return Stage(name, scale, ((f"{name}_pointwise",),), f"{name}_act")


def _down_conv(name, scale):
    return Stage(name, scale, ((f"{name}_strided_pointwise", f"{name}_resized_pointwise"),), name)


def _inverted_residual(name):
    levels = ((f"{name}_expand",), (f"{name}_depthwise",), (f"{name}_project",))
    return Stage(name, 4, levels, name, residual=True)


PHOTO, ANIME = "photo", "anime"
"""Names of the layers that take the photo and give the result."""

STAGES = (
    _conv_block("b1_conv1", 1),
    _conv_block("b1_conv2", 1),
    _down_conv("b1_down", 2),
    _conv_block("b2_conv", 2),
    _separable("b2_sep", 2),
    _down_conv("b2_down", 4),
    _conv_block("m_conv1", 4),
    *(_inverted_residual(f"m_r{i}") for i in range(1, 9)),
    _conv_block("m_conv2", 4),
    _separable("u2_up", 2),
    _separable("u2_sep", 2),
    _conv_block("u2_conv", 2),
    _separable("u1_up", 1),
    _conv_block("u1_conv1", 1),
    _conv_block("u1_conv2", 1),
    Stage("output", 1, (), ANIME),
)
"""The stages of `build_generator`, from the photo to the result."""

_STAGE_NAME = re.compile("|".join(stage.name for stage in STAGES))
_STAGES_BY_NAME = {stage.name: stage for stage in STAGES}


def stage_of(name: str) -> Stage | None:
    """The stage that a layer belongs to, or a tensor whose name contains the layer's.

    None for the photo, the result, and names of other networks.
    """
    found = _STAGE_NAME.search(name)
    return _STAGES_BY_NAME[found[0]] if found else None


def is_width(value: object) -> bool:
    """Whether a value, perhaps from a stranger's file, is a width that a generator can have."""
    return type(value) is int and 0 < value <= MAX_WIDTH and value % 2 == 0


def parameters_of(width: int) -> int:
    """How many parameters a generator of a width has."""
    return 948 * width**2 + 1142 * width


def width_of(generator: tf.keras.Model) -> int:
    """The width that a generator was built with."""
    return generator.get_layer(STAGES[0].name).filters


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

    photo = tf.keras.Input((None, None, 3), name=PHOTO)
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
    anime = tf.keras.layers.Activation("tanh", dtype="float32", name=ANIME)(x)
    return tf.keras.Model(photo, anime, name="generator")
