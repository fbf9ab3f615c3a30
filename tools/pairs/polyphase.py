"""A generator that gives its photo back by construction: a start that a short run can build on.

Random weights blur: of the sixteen pixels that become one in the bottleneck, they keep a mixture,
and a short run never gets the pixels apart again. Here they are kept apart from the first step on
(two halvings, four phases each, three colors: 48 channels), each channel goes on as itself, and
the decoder's kernels are fitted by least squares. The channels left over stay random, and the
residual branches start quiet.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from animegan_tf.networks.generator import build_generator

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
LUMINANCE = np.float32([0.3, 0.59, 0.11])
COLORS = 0.5 * LUMINANCE + 0.5 * np.eye(3, dtype=np.float32)
"""What the three color channels see: as different as they can be without much noise."""
OFFSET = 2.5
"""Norms shift values by this much, so that the activations hardly bend them."""
SHARPEN = 0.3
"""Makes up for the bilinear resizing, in each direction."""
FULL, QUARTER = 12, 48
"""Channels that carry the photo at full size (3 colors for 4 phases) and in the bottleneck."""


def build_see_through(photos: np.ndarray, width: int = 32, seed: int = 0) -> tf.keras.Model:
    """A float32 generator whose result is about the photo, up to mean color and contrast.

    Args:
        photos: (B, H, W, 3) float32 in [-1, 1], sides divisible by 4; 32 crops of 128 are enough.
        width: at least 32.
        seed: of the channels that carry nothing yet.
    """
    generator = build_generator(width)
    layers = {layer.name: layer for layer in generator.layers}
    _set_random(generator, np.random.default_rng(seed))
    _carry_down(layers)
    _carry_up(layers)
    _fit_decoder(generator, layers, photos)
    return generator


def _set_random(generator, rng):
    for layer in generator.layers:
        if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
            kernel = rng.standard_normal(layer.get_weights()[0].shape) * 0.15
            kernel[1, 1] += 1
            layer.set_weights([kernel])
        elif isinstance(layer, tf.keras.layers.Conv2D):
            shape = layer.get_weights()[0].shape
            layer.set_weights([rng.standard_normal(shape) / np.sqrt(np.prod(shape[:3]))])
        elif layer.name.endswith("_norm"):
            gamma, beta = layer.get_weights()
            if not layer.name.startswith("m_r"):
                beta = beta + OFFSET
            elif "project" in layer.name:
                gamma = gamma * 0.1
            layer.set_weights([gamma, beta])


def _carry_down(layers):
    kernel = layers["b1_conv1"].get_weights()[0]
    kernel[..., :FULL] = 0
    for i in range(FULL):
        kernel[1, 1, :, i] = COLORS[i % 3]
    layers["b1_conv1"].set_weights([kernel])
    _carry(layers["b1_conv2"], range(FULL))
    # A strided window starts at the even pixels: its first four taps are the four phases.
    _pick(layers["b1_down_strided_depthwise"], [PHASES[i // 3] for i in range(FULL)])
    _carry(layers["b1_down_strided_pointwise"], range(FULL))
    _silence(layers["b1_down_resized_norm"], FULL)
    _carry(layers["b2_conv"], [i % FULL for i in range(QUARTER)])
    _pick(layers["b2_sep_depthwise"], [(1, 1)] * QUARTER)
    _carry(layers["b2_sep_pointwise"], range(QUARTER))
    _pick(layers["b2_down_strided_depthwise"], [PHASES[i // FULL] for i in range(QUARTER)])
    _carry(layers["b2_down_strided_pointwise"], range(QUARTER))
    _silence(layers["b2_down_resized_norm"], QUARTER)


def _carry_up(layers):
    ends = np.float32([-SHARPEN, 1 + 2 * SHARPEN, -SHARPEN])
    for name, count in (("u2_up_depthwise", QUARTER), ("u1_up_depthwise", FULL)):
        kernel = layers[name].get_weights()[0]
        kernel[:, :, :count, 0] = np.outer(ends, ends)[:, :, None]
        layers[name].set_weights([kernel])
    _pick(layers["u2_sep_depthwise"], [(1, 1)] * QUARTER)
    for name in ("m_conv1", "m_conv2", "u2_up_pointwise", "u2_sep_pointwise"):
        _carry(layers[name], range(QUARTER))
    _carry(layers["u1_up_pointwise"], range(FULL))


def _carry(layer, sources, start=0):
    """From `start` on, each output channel is one input channel at the same place."""
    kernel = layer.get_weights()[0]
    middle = kernel.shape[0] // 2
    for i, source in enumerate(sources, start):
        kernel[..., i] = 0
        kernel[middle, middle, source, i] = 1
    layer.set_weights([kernel])


def _pick(layer, taps):
    """The first depthwise kernels pass one neighbor each."""
    kernel = layer.get_weights()[0]
    for i, (y, x) in enumerate(taps):
        kernel[:, :, i, 0] = 0
        kernel[y, x, i, 0] = 1
    layer.set_weights([kernel])


def _silence(norm, count):
    gamma, beta = norm.get_weights()
    gamma[:count] *= 0.05
    beta[:count] = 0
    norm.set_weights([gamma, beta])


def _fit_decoder(generator, layers, photos):
    deviation = photos - photos.mean((1, 2), keepdims=True)
    contrast = (deviation @ LUMINANCE).std((1, 2))[:, None, None, None]
    # What a norm leaves of a photo: neither its mean nor its contrast.
    seen = deviation / contrast * contrast.mean()
    colors = seen @ COLORS.T
    half = np.concatenate([colors[:, y::2, x::2] for y, x in PHASES], -1)

    def inputs(name):
        return tf.keras.Model(generator.input, layers[name].input).predict(
            photos, batch_size=4, verbose=0
        )

    def fit(name, wanted):
        x = inputs(name)
        rows, columns = x.shape[1] - 2, x.shape[2] - 2
        x = np.concatenate(
            [x[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)], -1
        )
        kernel = layers[name].get_weights()[0]
        count = wanted.shape[-1]
        solved = _least_squares(x, wanted, 1e-4)
        kernel[..., :count] = solved.reshape(3, 3, kernel.shape[2], count)
        layers[name].set_weights([kernel])

    fit("u2_conv", half)
    fit("u1_conv1", colors)
    _carry(layers["u1_conv1"], range(FULL), start=3)
    fit("u1_conv2", colors)
    last = layers["output_conv"]
    # It has no offset, so what it gets must not be centered.
    solved = _least_squares(
        inputs("output_conv"), np.arctanh(np.clip(seen, -0.97, 0.97)), 1e-3, center=False
    )
    last.set_weights([solved.reshape(last.get_weights()[0].shape)])


def _least_squares(x, y, ridge, center=True, every=4):
    x = x.reshape(-1, x.shape[-1])[::every].astype(np.float64)
    y = y.reshape(-1, y.shape[-1])[::every].astype(np.float64)
    y -= y.mean(0)
    if center:
        x -= x.mean(0)
    square = x.T @ x + ridge * len(x) * np.eye(x.shape[1])
    return np.linalg.solve(square, x.T @ y)
