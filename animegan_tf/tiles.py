"""Large pictures in tiles that share their InstanceNorm statistics.

A tile that is normalised by its own mean and variance gets another colour and contrast than its
neighbour, and seams show. Here every norm's statistics are those of the whole picture, so that
tiles agree, and the tiled result is that of the whole network.

The network is run in sections, tile by tile. Before a section's output is computed, its norms are
measured one after the other, each in a pass over the tiles with the earlier norms known. Between
sections only the feature maps at a quarter of the resolution are kept. Given its statistics the
network is an ordinary convolutional network whose outputs depend on a few pixels around: each tile
carries that margin, and is cropped to its exact part.
"""

from __future__ import annotations

import tempfile
from typing import Iterator, NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.images import to_float, to_uint8
from animegan_tf.layers import InstanceNormalization

BYTES_PER_PIXEL = 2800
"""Working memory of the whole network for each pixel of its input, at width 64 (measured)."""

FEATURE_BYTES_PER_PIXEL = 32
"""What is kept between sections for each pixel of the input: 256 float16 for 4x4 pixels."""

MARGIN = 12
"""So many pixels around a tile its outputs depend on, at most."""

MAX_TILE = 512
MIN_TILE = 64

_TRUNK = ["m_conv1_act", *(f"m_r{i}" for i in range(1, 9)), "m_conv2_act"]


class InstanceNormalizationWithGivenStatistics(tf.keras.layers.Layer):
    """`InstanceNormalization` by a mean and variance that are set from outside.

    Shapes: (B, H, W, C) to the same. Weights: gamma, beta, and (not trainable) mean and
    variance, all (C,).
    """

    def __init__(self, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        def weight(name, initializer, trainable=True):
            return self.add_weight(name=name, shape=(input_shape[-1],), initializer=initializer,
                                   trainable=trainable)

        self.gamma, self.beta = weight("gamma", "ones"), weight("beta", "zeros")
        self.mean = weight("mean", "zeros", trainable=False)
        self.variance = weight("variance", "ones", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        mean, variance, beta, gamma = map(
            tf.convert_to_tensor, (self.mean, self.variance, self.beta, self.gamma))
        return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, self.epsilon)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def with_given_statistics(generator: tf.keras.Model) -> tf.keras.Model:
    """A copy of a generator whose norms take their mean and variance from outside.

    Layers keep their names; each norm is an `InstanceNormalizationWithGivenStatistics`.
    """
    def clone(layer):
        if isinstance(layer, InstanceNormalization):
            return InstanceNormalizationWithGivenStatistics(
                layer.epsilon, name=layer.name, dtype="float32")
        return layer.__class__.from_config(layer.get_config())

    copy = tf.keras.models.clone_model(generator, clone_function=clone)
    for layer in generator.layers:
        if layer.weights:
            target = copy.get_layer(layer.name)
            weights = layer.get_weights()
            target.set_weights(weights + target.get_weights()[len(weights):])
    return copy


class Window(NamedTuple):
    """A rectangle in units of four pixels."""

    top: int
    bottom: int
    left: int
    right: int


class TiledGenerator:
    """Runs a generator on one picture of any size in bounded memory.

    Not thread-safe: the statistics of the picture at work are kept in the network.

    Args:
        generator: as `build_generator` makes it; its weights are copied.
    """

    def __init__(self, generator: tf.keras.Model):
        network = with_given_statistics(generator)
        self.channels = network.get_layer("b2_down").output.shape[-1]
        targets = ["b2_down", *_TRUNK, "anime"]
        self.encoder, *self.trunk, self.decoder = (
            _Section(network, source, target, margin) for source, target, margin in zip(
                ["photo", *targets], targets, [MARGIN // 4] + [1] * len(_TRUNK) + [MARGIN // 4]))

    def __call__(self, picture: np.ndarray, tile: int, memory: float = np.inf) -> np.ndarray:
        """Stylises one picture.

        Args:
            picture: uint8 (H, W, 3); H and W multiples of 4, at least 8.
            tile: side of the tiles in pixels, a multiple of 4; the network sees `MARGIN` more on each side.
            memory: bytes; feature maps between sections that are larger go to a temporary file.

        Returns:
            uint8, the same shape.
        """
        height, width = picture.shape[0] // 4, picture.shape[1] // 4
        tiles = list(_tiles(height, width, tile // 4))

        with _feature_maps((height, width, self.channels), memory) as features:
            self.encoder.measure(picture, tiles)
            for window in tiles:
                features[_slices(window)] = self.encoder.run(picture, window)
            for section in self.trunk:
                section.measure(features, tiles)
                _run_in_place(section, features, rows=max(1, tile * tile // (16 * width)))
            self.decoder.measure(features, tiles)
            anime = np.empty_like(picture)
            for window in tiles:
                anime[_slices(window, 4)] = to_uint8(self.decoder.run(features, window))
        return anime


class _Section:
    """The part of the network from one layer's output to another's.

    Args:
        network: the network with given statistics.
        source, target: names of layers.
        margin: how far outputs depend on inputs around them, in units of four pixels.
    """

    def __init__(self, network, source, target, margin):
        self.margin = margin
        source, target = network.get_layer(source).output, network.get_layer(target).output
        self.output = self._windowed(tf.keras.Model(source, target), tf.identity)
        self.levels = []
        norms = {layer.name: layer for layer in tf.keras.Model(source, target).layers
                 if isinstance(layer, InstanceNormalizationWithGivenStatistics)}
        waits_for = {name: {layer.name for layer in tf.keras.Model(source, norm.input).layers}
                     & norms.keys() for name, norm in norms.items()}
        known = set()
        while known != norms.keys():  # Norms that stand beside each other are measured together.
            level = [name for name in norms if name not in known and waits_for[name] <= known]
            known.update(level)
            model = tf.keras.Model(source, [norms[name].input for name in level])
            self.levels.append(([norms[name] for name in level],
                                self._windowed(model, _moments)))

    def _windowed(self, model, summarise):
        channels = model.inputs[0].shape[-1]

        @tf.function(input_signature=[tf.TensorSpec((1, None, None, channels)),
                                      tf.TensorSpec((4,), tf.int32), tf.TensorSpec((), tf.int32)])
        def function(inputs, inner, height):
            outputs = []
            for output in tf.nest.flatten(model(inputs, training=False)):
                top, bottom, left, right = tf.unstack(inner * (tf.shape(output)[1] // height))
                outputs.append(summarise(output[:, top:bottom, left:right]))
            return outputs

        return function

    def _apply(self, function, source, window):
        scale = 4 if source.dtype == np.uint8 else 1
        height, width = source.shape[0] // scale, source.shape[1] // scale
        outer = Window(max(window.top - self.margin, 0), min(window.bottom + self.margin, height),
                       max(window.left - self.margin, 0), min(window.right + self.margin, width))
        inputs = source[_slices(outer, scale)]
        inputs = to_float(inputs) if scale == 4 else inputs.astype(np.float32)
        inner = np.array([window.top - outer.top, window.bottom - outer.top,
                          window.left - outer.left, window.right - outer.left], np.int32)
        return function(inputs[None], inner, np.int32(outer.bottom - outer.top))

    def measure(self, source, windows):
        """Sets the statistics of the section's norms, over all windows of the source."""
        for norms, function in self.levels:
            totals = [_Moments() for _ in norms]
            for window in windows:
                for total, part in zip(totals, self._apply(function, source, window)):
                    total.add(*part)
            for norm, total in zip(norms, totals):
                norm.mean.assign(total.mean)
                norm.variance.assign(total.variance)

    def run(self, source, window):
        """The target's values in one window of the source: uint8 photo or feature maps."""
        output, = self._apply(self.output, source, window)
        return output[0].numpy()


def _moments(x):
    count = tf.size(x[..., 0])
    return (count, *tf.nn.moments(x, axes=[0, 1, 2]))


class _Moments:
    """Mean and biased variance of a growing sample (Chan et al., 1979), in float64."""

    def __init__(self):
        self.count, self.mean, self.variance = 0, 0.0, 0.0

    def add(self, count, mean, variance):
        count = int(count)
        share = count / (self.count + count)
        step = mean.numpy().astype(np.float64) - self.mean
        self.mean = self.mean + share * step
        self.variance = ((1 - share) * self.variance + share * variance.numpy()
                         + share * (1 - share) * step ** 2)
        self.count += count


def _run_in_place(section, features, rows):
    """Replaces the feature maps by the section's output, in bands of full width.

    A band still needs the old values of the row above, which its predecessor has overwritten.
    """
    height, width, _ = features.shape
    above = features[:0].copy()
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = np.concatenate([above, features[top:bottom + section.margin]])
        above = features[bottom - section.margin:bottom].copy()
        start = len(band) - len(features[top:bottom + section.margin])
        features[top:bottom] = section.run(band, Window(start, start + bottom - top, 0, width))


def _tiles(height, width, side) -> Iterator[Window]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Window(top, min(top + side, height), left, min(left + side, width))


def _slices(window, scale=1):
    return (slice(window.top * scale, window.bottom * scale),
            slice(window.left * scale, window.right * scale))


class _feature_maps:
    """A float16 array (H, W, C), in a temporary file if it is larger than `memory` bytes."""

    def __init__(self, shape, memory):
        self.shape, self.memory = shape, memory

    def __enter__(self):
        self.file = None
        if 2 * np.prod(self.shape, dtype=np.float64) <= self.memory:
            return np.empty(self.shape, np.float16)
        self.file = tempfile.TemporaryFile(prefix="animegan-")
        return np.memmap(self.file, np.float16, "w+", shape=self.shape)

    def __exit__(self, *_):
        if self.file:
            self.file.close()
