"""The same network in a form that loses less when activations become int8.

Nagel et al., *Data-Free Quantization Through Weight Equalization and Bias Correction* (2019), with
measured ranges of activations as in Xiao et al., *SmoothQuant* (2023).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from animegan_tf.images import to_float
from animegan_tf.networks.frozen import layers_with_inputs
from animegan_tf.networks.layers import (
    InstanceNormalization,
    LegacyBilinearResize,
    ReflectionPadding2D,
)

_HOMOGENEOUS = (tf.keras.layers.LeakyReLU, LegacyBilinearResize, ReflectionPadding2D)
"""Scaling a channel before such a layer is scaling it behind the layer, for positive factors."""


def equalize(generator: tf.keras.Model, photos: list[np.ndarray]) -> tf.keras.Model:
    """A network with the same results whose channels have similar ranges within each tensor.

    int8 activations share one scale among a tensor's channels, so the widest channel costs all
    others precision. Where a convolution's input comes from a norm or depthwise convolution and
    goes nowhere else, channel c is divided by `s[c]` there and multiplied again in the
    convolution's kernel. `s[c]` is the square root of the activation's range over the kernel's:
    each side takes half of the unevenness.

    Args:
        generator: as `build_generator` makes it, float32.
        photos: uint8 (H, W, 3), sides multiples of 4: activations' ranges are measured on them.
    """
    pairs = _pairs(generator)
    ranges = _ranges(generator, [consumer for _, consumer in pairs], photos)
    equalized = tf.keras.models.clone_model(generator)
    equalized.set_weights(generator.get_weights())
    for (producer, consumer), activation in zip(pairs, ranges):
        (kernel,) = equalized.get_layer(consumer.name).get_weights()
        weight = np.abs(kernel).max((0, 1, 3))
        scale = np.sqrt(
            np.divide(
                activation, weight, out=np.ones_like(weight), where=(activation > 0) & (weight > 0)
            )
        )
        scale /= np.exp(np.log(scale).mean())
        equalized.get_layer(consumer.name).set_weights([kernel * scale[:, None]])
        _divide_channels(equalized.get_layer(producer.name), scale)
    return equalized


def _pairs(generator):
    """Each layer that can take a factor, with the convolution that can take its inverse."""
    graph = list(layers_with_inputs(generator))
    inputs = {layer.name: names for layer, names in graph}
    layers = {layer.name: layer for layer, _ in graph}
    consumers = [name for names in inputs.values() for name in names]
    pairs = []
    for consumer, (name, *_) in graph:
        if not isinstance(consumer, tf.keras.layers.Conv2D):
            continue
        while consumers.count(name) == 1 and isinstance(layers.get(name), _HOMOGENEOUS):
            (name,) = inputs[name]
        if consumers.count(name) == 1 and isinstance(
            layers.get(name), (InstanceNormalization, tf.keras.layers.DepthwiseConv2D)
        ):
            pairs.append((layers[name], consumer))
    return pairs


def _ranges(generator, consumers, photos):
    """Of each channel of each convolution's input, the largest magnitude."""
    inputs = tf.keras.Model(generator.input, [layer.input for layer in consumers])

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3))])
    def measure(photo):
        return [tf.reduce_max(tf.abs(x), [0, 1, 2]) for x in inputs(photo, training=False)]

    measured = [measure(tf.constant(to_float(photo)[None])) for photo in photos]
    return [np.max(found, axis=0) for found in zip(*measured)]


def _divide_channels(layer, scale):
    if isinstance(layer, InstanceNormalization):
        gamma, beta = layer.get_weights()
        layer.set_weights([gamma / scale, beta / scale])
    else:
        (kernel,) = layer.get_weights()
        layer.set_weights([kernel / scale[:, None]])
