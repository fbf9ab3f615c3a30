"""Large pictures in tiles that share their InstanceNorm statistics.

A tile that is normalized by its own mean and variance gets another color and contrast than its
neighbor, and seams show. Here every norm's statistics are those of the whole picture, so that
tiles agree, and the tiled result is that of the whole network but for rounding.

The network runs in steps, and each step over all tiles before the next one begins. Given its
statistics, a step is an ordinary convolutional network, whose outputs depend on a few pixels around
them: each tile is computed with that margin, and cropped to its exact part. There are two ways:

- In short steps: each convolution's outputs are kept in float16 and measured on the way, and the
  next step begins with their normalization. Nothing is computed twice.
- In long steps, for a seventeenth of the memory: only feature maps at a quarter of the resolution
  are kept, and what lies between is computed anew for each norm that is to be measured; 3.7 times
  the multiplications.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.images import to_float, to_uint8
from animegan_tf.networks.frozen import layers_with_inputs
from animegan_tf.networks.generator import ANIME, PHOTO, STAGES, stage_of
from animegan_tf.networks.layers import InstanceNormalization

BYTES_PER_PIXEL = 2800
"""Working memory of the whole network for each pixel of its input, at width 64 (measured)."""

SHORT_STEPS_BYTES_PER_PIXEL = 384
"""Feature maps kept at most in short steps: the inputs and outputs of u1_conv1."""

LONG_STEPS_BYTES_PER_PIXEL = 32
"""Feature maps kept in long steps: 256 channels for 4x4 pixels."""

MARGIN = 12
"""The outputs of a step depend on at most so many pixels around a tile."""

MAX_TILE = 512
MIN_TILE = 64


def _short_steps() -> list[tuple[list[str], list[str]]]:
    """(sources, targets): layers whose outputs a step reads and those that it keeps."""
    steps = []
    sources, previous = [PHOTO], STAGES[0]
    for stage in STAGES:
        first, *others = stage.normalized or ((ANIME,),)
        targets = [*first]
        if stage.residual:  # The block's input is read again where the block ends.
            block_input = sources[0]
            if previous.residual:
                block_input = previous.output
                targets = [block_input, *targets]
        steps.append((sources, targets))
        sources = [*first]
        for level in others:
            steps.append((sources, [*level]))
            sources = [*level]
        if stage.residual:
            sources = [block_input, *sources]
        previous = stage
    return steps


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
            return self.add_weight(
                name=name, shape=(input_shape[-1],), initializer=initializer, trainable=trainable
            )

        self.gamma, self.beta = weight("gamma", "ones"), weight("beta", "zeros")
        self.mean = weight("mean", "zeros", trainable=False)
        self.variance = weight("variance", "ones", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        mean, variance, beta, gamma = map(
            tf.convert_to_tensor, (self.mean, self.variance, self.beta, self.gamma)
        )
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
                layer.epsilon, name=layer.name, dtype="float32"
            )
        return layer.__class__.from_config(layer.get_config())

    copy = tf.keras.models.clone_model(generator, clone_function=clone)
    for layer in generator.layers:
        if layer.weights:
            target = copy.get_layer(layer.name)
            weights = layer.get_weights()
            target.set_weights(weights + target.get_weights()[len(weights) :])
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
        self._short_steps = [
            _Step(network, sources, targets, 4) for sources, targets in _short_steps()
        ]
        quarter = [stage.output for stage in STAGES if stage.scale == 4]
        self._channels = network.get_layer(quarter[0]).output.shape[-1]
        stops = [PHOTO, *quarter, ANIME]
        margins = [MARGIN] + [4] * (len(quarter) - 1) + [MARGIN]
        self._long_steps = [
            (
                [
                    _Step(network, [source], level, margin, keep=False)
                    for level in _levels(network, source, target)
                ],
                _Step(network, [source], [target], margin),
            )
            for source, target, margin in zip(stops, stops[1:], margins)
        ]

    def __call__(
        self,
        picture: np.ndarray,
        tile: int,
        *,
        short_steps: bool = True,
        features_in_memory: bool = True,
    ) -> np.ndarray:
        """Stylizes one picture.

        Args:
            picture: uint8 (H, W, 3); H and W multiples of 4, at least 8.
            tile: side of the tiles in pixels, a multiple of 4; the network sees `MARGIN` more on
                each side.
            short_steps: faster, with more memory: see the module.
            features_in_memory: False keeps what is between long steps in a temporary file.

        Returns:
            uint8, the same shape.
        """
        tiles = list(_tiles(picture.shape[0] // 4, picture.shape[1] // 4, tile // 4))
        if short_steps:
            return self._in_short_steps(picture, tiles)
        rows = max(1, tile * tile // (4 * picture.shape[1]))
        return self._in_long_steps(picture, tiles, rows, features_in_memory)

    def _in_short_steps(self, picture, tiles):
        maps = {PHOTO: picture}
        last_use = {source: step for step in self._short_steps for source in step.sources}
        for step in self._short_steps:
            maps.update(step.run(maps, tiles))
            maps = {name: kept for name, kept in maps.items() if last_use.get(name) != step}
        return maps[ANIME]

    def _in_long_steps(self, picture, tiles, rows, in_memory):
        shape = (picture.shape[0] // 4, picture.shape[1] // 4, self._channels)
        with _feature_maps(shape, in_memory) as features:
            sources = [picture] + [features] * (len(self._long_steps) - 1)
            for source, (measurements, step) in zip(sources, self._long_steps):
                (name,) = step.sources
                for measurement in measurements:
                    measurement.run({name: source}, tiles)
                if source is picture:
                    step.run({name: source}, tiles, {step.targets[0]: features})
                elif step.targets != [ANIME]:
                    _run_in_place(step, features, rows)
            return step.run({name: features}, tiles)[ANIME]


class _Step:
    """A part of the network, from some layers' outputs to others', that runs tile by tile.

    Norms that directly follow a target are measured on the way.

    Args:
        network: the network with given statistics.
        sources, targets: names of layers.
        margin: how far targets depend on sources around them, in pixels of the photo.
        keep: False measures only.
    """

    def __init__(self, network, sources, targets, margin, keep=True):
        self.sources, self.targets, self._margin = sources, targets, margin // 4
        self._network, self._keep = network, keep
        following = _norms(network)
        self._norms = [following.get(name) for name in targets]

    @functools.cached_property
    def _function(self):
        """From sources to (targets, moments of those that are measured), inside a window."""
        model = tf.keras.Model(
            [self._network.get_layer(name).output for name in self.sources],
            [self._network.get_layer(name).output for name in self.targets],
        )
        # As the bits of float16: TensorFlow's log complains of float16 arguments on most CPUs.
        specs = [
            tf.TensorSpec(
                (1, None, None, source.shape[-1]), tf.float32 if name == PHOTO else tf.uint16
            )
            for name, source in zip(self.sources, model.inputs)
        ]

        @tf.function(
            input_signature=[specs, tf.TensorSpec((4,), tf.int32), tf.TensorSpec((), tf.int32)]
        )
        def function(inputs, inner, height):
            inputs = [
                tensor
                if tensor.dtype == tf.float32
                else tf.cast(tf.bitcast(tensor, tf.float16), tf.float32)
                for tensor in inputs
            ]
            outputs, moments = [], []
            for norm, output in zip(self._norms, tf.nest.flatten(model(inputs, training=False))):
                top, bottom, left, right = tf.unstack(inner * (tf.shape(output)[1] // height))
                output = tf.cast(output[:, top:bottom, left:right], tf.float32)
                if norm:
                    moments.append(
                        (tf.size(output[..., 0]), *tf.nn.moments(output, axes=[0, 1, 2]))
                    )
                if self._keep:
                    outputs.append(output)
            return outputs, moments

        return function.get_concrete_function()

    def run(self, maps, windows, results=None):
        """Computes the targets in all windows, then sets the statistics that were measured.

        Args:
            maps: {name: array} of the sources, (H, W, C): uint8 photo or float16.
            windows: `Window`s of the photo that cover it.
            results: {name: array} to write to; None makes new ones.

        Returns:
            `results`: float16, but uint8 for ANIME.
        """
        results = {} if results is None else results
        bottom, right = max(w.bottom for w in windows), max(w.right for w in windows)
        norms = [norm for norm in self._norms if norm]
        totals = [_Moments() for _ in norms]
        for window in windows:
            outputs, moments = self.window(maps, window)
            for name, output in zip(self.targets, outputs):
                output = to_uint8(output) if name == ANIME else output
                scale = len(output) // (window.bottom - window.top)
                if name not in results:
                    results[name] = np.empty(
                        (bottom * scale, right * scale, output.shape[-1]),
                        np.uint8 if name == ANIME else np.float16,
                    )
                with np.errstate(over="ignore"):  # What becomes infinite is found by the next norm.
                    results[name][_slices(window, scale)] = output
            for total, part in zip(totals, moments):
                total.add(*part)
        for norm, total in zip(norms, totals):
            if not np.isfinite(total.variance).all():
                raise ValueError(
                    f"the generator gives values that are not numbers ({norm.name}): "
                    "its weights are damaged"
                )
            norm.mean.assign(total.mean)
            norm.variance.assign(total.variance)
        return results

    def window(self, maps, window):
        """(targets' values in one window, moments of the norms' inputs there)."""
        height, width = (
            min(
                array.shape[axis] // _scale(name)
                for name, array in maps.items()
                if name in self.sources
            )
            for axis in (0, 1)
        )
        outer = Window(
            max(window.top - self._margin, 0),
            min(window.bottom + self._margin, height),
            max(window.left - self._margin, 0),
            min(window.right + self._margin, width),
        )
        inputs = [maps[name][_slices(outer, _scale(name))][None] for name in self.sources]
        inputs = [
            to_float(tensor)
            if tensor.dtype == np.uint8
            else np.ascontiguousarray(tensor).view(np.uint16)
            for tensor in inputs
        ]
        inner = np.array(
            [
                window.top - outer.top,
                window.bottom - outer.top,
                window.left - outer.left,
                window.right - outer.left,
            ],
            np.int32,
        )
        outputs, moments = self._function(
            [tf.constant(tensor) for tensor in inputs],
            tf.constant(inner),
            tf.constant(outer.bottom - outer.top),
        )
        return [output[0].numpy() for output in outputs], moments


def _scale(layer):
    """Side of a layer's output in units of a quarter of the photo's."""
    stage = stage_of(layer)
    return 4 // stage.scale if stage else 4


def _norms(network):
    """{name of a convolution: the norm that directly follows it}"""
    return {
        inputs[0]: layer
        for layer, inputs in layers_with_inputs(network)
        if isinstance(layer, InstanceNormalizationWithGivenStatistics)
    }


def _levels(network, source, target):
    """The convolutions between two layers whose norms are measured, in possible order.

    Those that stand beside each other, in the branches of a down-convolution, share a level.
    """
    source, target = network.get_layer(source).output, network.get_layer(target).output
    inside = {layer.name for layer in tf.keras.Model(source, target).layers}
    waits_for = {}
    for name, norm in _norms(network).items():
        if norm.name in inside:
            before = tf.keras.Model(source, network.get_layer(name).output).layers
            waits_for[name] = {layer.name for layer in before}
    levels, known = [], set()
    while len(known) < len(waits_for):
        levels.append(
            [
                name
                for name in waits_for
                if name not in known and not (waits_for[name] & waits_for.keys()) - known - {name}
            ]
        )
        known.update(levels[-1])
    return levels


class _Moments:
    """Mean and biased variance of a growing sample (Chan et al., 1979), in float64."""

    def __init__(self):
        self.count, self.mean, self.variance = 0, 0.0, 0.0

    def add(self, count, mean, variance):
        count = int(count)
        share = count / (self.count + count)
        step = mean.numpy().astype(np.float64) - self.mean
        self.mean = self.mean + share * step
        self.variance = (
            (1 - share) * self.variance + share * variance.numpy() + share * (1 - share) * step**2
        )
        self.count += count


def _run_in_place(step, features, rows):
    """Replaces the feature maps by the step's output, in bands of full width.

    A band still needs the old values of the row above, which its predecessor has overwritten.
    """
    height, width, _ = features.shape
    (name,) = step.sources
    above = features[:0].copy()
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = np.concatenate([above, features[top : bottom + 1]])
        start = len(above)
        above = features[bottom - 1 : bottom].copy()
        (features[top:bottom],), _ = step.window(
            {name: band}, Window(start, start + bottom - top, 0, width)
        )


def _tiles(height: int, width: int, side: int) -> Iterator[Window]:
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Window(top, min(top + side, height), left, min(left + side, width))


def _slices(window, scale=1):
    return (
        slice(window.top * scale, window.bottom * scale),
        slice(window.left * scale, window.right * scale),
    )


@contextlib.contextmanager
def _feature_maps(shape, in_memory):
    """An empty float16 array, in memory or in a temporary file."""
    if in_memory:
        yield np.empty(shape, np.float16)
    else:
        with tempfile.TemporaryFile(prefix="animegan-") as file:
            yield np.memmap(file, np.float16, "w+", shape=shape)
