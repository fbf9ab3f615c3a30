"""The paper's Table 1, measured on this project's own networks."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import WIDTH, build_generator
from animegan_tf.networks.layers import InstanceNormalization

HIDDEN_FROM_OLD_PROFILER = r"b[12]_down_resized|u[12]_|output_conv|anime"
"""Layers whose static shape TensorFlow 1.8 lost at a resize, and whose operations its profiler
left out: the resized branch of both down-convolutions, and the decoder."""

NORM_OPERATIONS = 6
"""Of a fused normalization for each value, which the profiler has no figure for: what it counts
where mean, variance (difference, square, mean), scale and shift are operations of their own."""

PAPER = {
    "AnimeGAN generator": ("3,956,096", "15.09 M", "38.66 B"),
    "CartoonGAN generator": ("12,253,152", "46.74 M", "108.98 B"),
    "AnimeGAN discriminator": ("", "4.30 M", ""),
}


class Cost(NamedTuple):
    """What a network weighs: trainable parameters, MiB of float32, FLOPs of one 256x256 picture."""

    parameters: int
    mebibytes: float
    flops: int
    flops_of_old_profiler: int


def measure(model: tf.keras.Model, size: int = 256) -> Cost:
    """Counts parameters and floating-point operations (2 for a multiply-add).

    The count is TensorFlow's own profiler's, over the graph for one picture of size x size, with
    `NORM_OPERATIONS` for norms.
    """
    picture = tf.TensorSpec((1, size, size, 3), tf.float32)
    graph = tf.function(lambda x: model(x)).get_concrete_function(picture).graph
    profiler = tf.compat.v1.profiler
    options = (
        profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
        .with_empty_output()
        .build()
    )
    flops = flops_of_old_profiler = 0
    pending = [profiler.profile(graph, options=options, cmd="scope")]
    while pending:
        node = pending.pop()
        pending += node.children
        flops += node.float_ops
        if not _was_hidden(node.name):
            flops_of_old_profiler += node.float_ops
    for operation in graph.get_operations():
        if operation.type == "FusedBatchNormV3":
            values = NORM_OPERATIONS * operation.inputs[0].shape.num_elements()
            flops += values
            if not _was_hidden(operation.name):
                flops_of_old_profiler += values
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return Cost(parameters, parameters * 4 / 2**20, flops, flops_of_old_profiler)


def _was_hidden(name):
    return re.match(rf"[^/]+/({HIDDEN_FROM_OLD_PROFILER})", name)


def build_cartoongan_generator() -> tf.keras.Model:
    """CartoonGAN's generator (Chen et al., CVPR 2018), the other row of Table 1.

    7x7 convolution, two down-samplings, eight residual blocks of 256 channels, two transposed
    convolutions, 7x7 to 3. No biases, as in the implementation that the authors compared with.
    """
    layers = tf.keras.layers

    def convolve(x, filters, size, strides=1):
        return layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)

    def norm_relu(x):
        return layers.ReLU()(InstanceNormalization()(x))

    photo = tf.keras.Input((None, None, 3))
    x = norm_relu(convolve(photo, 64, 7))
    for filters in (128, 256):
        x = norm_relu(convolve(convolve(x, filters, 3, strides=2), filters, 3))
    for _ in range(8):
        y = norm_relu(convolve(x, 256, 3))
        x = layers.Add()([x, InstanceNormalization()(convolve(y, 256, 3))])
    for filters in (128, 64):
        x = layers.Conv2DTranspose(filters, 3, 2, padding="same", use_bias=False)(x)
        x = norm_relu(convolve(x, filters, 3))
    return tf.keras.Model(photo, layers.Activation("tanh")(convolve(x, 3, 7)))


def table(width: int = WIDTH) -> str:
    """Table 1 as text: each network's figures beside the paper's."""
    networks = {
        "AnimeGAN generator": build_generator(width),
        "CartoonGAN generator": build_cartoongan_generator(),
        "AnimeGAN discriminator": build_discriminator(width),
    }
    lines = [
        f"{'network, 256x256 input':24}{'parameters':>12}{'paper':>12}"
        f"{'MiB':>8}{'paper':>9}{'GFLOPs':>9}{'paper':>10}"
    ]
    for name, network in networks.items():
        cost = measure(network)
        parameters, size, flops = PAPER[name]
        lines.append(
            f"{name:24}{cost.parameters:12,}{parameters:>12}{cost.mebibytes:8.2f}"
            f"{size:>9}{cost.flops / 1e9:9.2f}{flops:>10}"
        )
        if name == "AnimeGAN generator":
            lines.append(
                f"{'  as TensorFlow 1.8 counts':24}{'':42}"
                f"{cost.flops_of_old_profiler / 1e9:8.2f}{flops:>10}"
            )
    return (
        "\n".join(lines)
        + """

Why the FLOPs differ: the paper's figure comes from TensorFlow 1.8's profiler, which skips every
operation whose static shape it can't infer. Behind a resize to a computed size it can't: it leaves
out the resized branch of both down-convolutions and the whole decoder. CartoonGAN's figure is
a full count, so the full counts are the ones to compare.
Why the parameters differ: the paper's 12,253,152 for CartoonGAN are its generator and this
discriminator together.
"""
    )
