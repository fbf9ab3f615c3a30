"""The generator as a graph of layers, and as a function with its weights as constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tensorflow as tf

from animegan_tf.networks.layers import (
    InstanceNormalization,
    ReflectionPadding2D,
    normalize_picture,
)


def layers_with_inputs(
    generator: tf.keras.Model,
) -> Iterator[tuple[tf.keras.layers.Layer, list[str]]]:
    """Each layer after the input, in an order of computation, with the names of its inputs."""
    producers = {id(layer.output): layer.name for layer in generator.layers}
    for layer in generator.layers[1:]:
        yield layer, [producers[id(tensor)] for tensor in tf.nest.flatten(layer.input)]


def constant_network(
    generator: tf.keras.Model, *, batch_of_one: bool = False
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The generator as a function of tensors that owns no variable.

    Its weights become constants in each graph that it is traced into: no restore at load time,
    and graph optimizers can fold and fuse them.

    Args:
        generator: as `build_generator` makes it; its dtype policy is kept.
        batch_of_one: take one picture at a time, in the form that is fastest on a CPU, and the
            same but for rounding. Each norm is one training-mode batch normalization, one kernel
            instead of seven. Reflection padding gathers pixels by their padded numbers, which runs
            at the speed of a copy; padding the pixels themselves takes two to seven times that.

    Returns:
        A function from (B, H, W, 3) float32 in [-1, 1] to the same; B is 1 if `batch_of_one`. H
        and W as the generator's.
    """
    apply = _apply_to_one if batch_of_one else _apply
    graph = [
        (layer, inputs, layer.get_weights()) for layer, inputs in layers_with_inputs(generator)
    ]
    photo, anime = generator.layers[0].name, generator.layers[-1].name

    def network(photos):
        values = {photo: photos}
        for layer, inputs, weights in graph:
            values[layer.name] = apply(layer, weights, [values[name] for name in inputs])
        return values[anime]

    return network


def on_pixels(network: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of tensors in [-1, 1] as one of uint8 in 0..255.

    The border of `images.to_float` and `images.to_uint8`, inside a graph.
    """

    def on_uint8(photos):
        anime = network(tf.cast(photos, tf.float32) / 127.5 - 1)
        return tf.cast(tf.clip_by_value((anime + 1) / 2 * 255, 0, 255), tf.uint8)

    return on_uint8


def _apply(layer, weights, inputs):
    if not weights:
        return layer(inputs if len(inputs) > 1 else inputs[0])
    if isinstance(layer, InstanceNormalization):
        return _normalize(inputs[0], *weights, layer.epsilon)
    x = tf.cast(inputs[0], layer.compute_dtype)
    kernel = tf.cast(weights[0], layer.compute_dtype)
    if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
        return tf.nn.depthwise_conv2d(x, kernel, (1, *layer.strides, 1), "VALID", name=layer.name)
    if isinstance(layer, tf.keras.layers.Conv2D):
        return tf.nn.conv2d(x, kernel, layer.strides, "VALID", name=layer.name)
    raise TypeError(f"no constant form of {layer.__class__.__name__} ({layer.name})")


def _apply_to_one(layer, weights, inputs):
    if isinstance(layer, InstanceNormalization):
        return normalize_picture(inputs[0], *weights, layer.epsilon)
    if isinstance(layer, ReflectionPadding2D):
        return _reflection_pad(inputs[0], layer.padding)
    return _apply(layer, weights, inputs)


def _normalize(x, gamma, beta, epsilon):
    # Not tf.nn.moments: its gradient stops would be left in the exported graph.
    x = tf.cast(x, tf.float32)
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), [1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def _reflection_pad(x, padding):
    size = tf.shape(x)[1:3]
    numbers = tf.reshape(tf.range(tf.reduce_prod(size)), size)
    return tf.gather(tf.reshape(x, (-1, x.shape[-1])), tf.pad(numbers, padding, "REFLECT"))[None]
