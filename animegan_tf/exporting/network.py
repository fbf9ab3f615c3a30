"""The generator as a graph of layers, and as a function with its weights as constants."""

from __future__ import annotations

from typing import Callable, Iterator

import numpy as np
import tensorflow as tf

from animegan_tf.layers import InstanceNormalization


def layers_with_inputs(
        generator: tf.keras.Model) -> Iterator[tuple[tf.keras.layers.Layer, list[str]]]:
    """Each layer after the input, in an order of computation, with the names of its inputs."""
    producers = {id(layer.output): layer.name for layer in generator.layers}
    for layer in generator.layers[1:]:
        yield layer, [producers[id(tensor)] for tensor in tf.nest.flatten(layer.input)]


def constant_network(generator: tf.keras.Model, *,
                     fused_norm: bool = False) -> Callable[[tf.Tensor], tf.Tensor]:
    """The generator as a function of tensors that owns no variable.

    Its weights become constants in each graph that it is traced into: no restore at load time,
    and graph optimisers can fold and fuse them.

    Args:
        generator: as `build_generator` makes it, float32.
        fused_norm: compute each norm as one training-mode batch normalisation of a batch of one.
            It is the same arithmetic in one CPU or GPU kernel instead of seven (a quarter to
            nearly half of the network's time on a CPU), but takes one picture at a time.

    Returns:
        A function from (B, H, W, 3) in [-1, 1] to the same; B is 1 if `fused_norm`. H and W as
        the generator's.
    """
    norm = _fused_norm if fused_norm else _norm
    graph = [(layer, inputs, layer.get_weights())
             for layer, inputs in layers_with_inputs(generator)]
    photo, anime = generator.layers[0].name, generator.layers[-1].name

    def network(photos):
        values = {photo: photos}
        for layer, inputs, weights in graph:
            values[layer.name] = _apply(layer, weights, [values[name] for name in inputs], norm)
        return values[anime]

    return network


def _apply(layer, weights, inputs, norm):
    if not weights:
        return layer(inputs if len(inputs) > 1 else inputs[0])
    if isinstance(layer, InstanceNormalization):
        return norm(inputs[0], *weights, layer.epsilon)
    if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
        return tf.nn.depthwise_conv2d(inputs[0], weights[0], (1, *layer.strides, 1), "VALID",
                                      name=layer.name)
    if isinstance(layer, tf.keras.layers.Conv2D):
        return tf.nn.conv2d(inputs[0], weights[0], layer.strides, "VALID", name=layer.name)
    raise TypeError(f"no constant form of {layer.__class__.__name__} ({layer.name})")


def _norm(x, gamma, beta, epsilon):
    # Not tf.nn.moments: its gradient stops would be left in the exported graph.
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), [1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def _fused_norm(x, gamma, beta, epsilon):
    unused = np.zeros(0, np.float32)
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=unused, variance=unused, epsilon=epsilon,
        is_training=True).y
