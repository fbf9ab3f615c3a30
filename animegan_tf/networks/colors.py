"""The fitted colors of `animegan_tf.colors` as the last layer of a network, for exported graphs."""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.colors import LUMA, color_map


class FitColors(tf.keras.layers.Layer):
    """Gives results their photos' colors and light.

    Takes photos and results, (B, H, W, 3) RGB in [-1, 1], and gives results of the same kind. The
    map of colors is measured on all pixels. It has no weights.
    """

    def call(self, photo_and_anime):
        photo, anime = ((x + 1) / 2 for x in photo_and_anime)
        shape = tf.shape(anime)
        count = tf.cast(shape[1] * shape[2], tf.float32)
        of_photo, of_anime = _mean(photo), _mean(anime)
        x, y = (tf.reshape(z, (shape[0], -1, 3)) for z in (photo - of_photo, anime - of_anime))
        luma = x @ _TensorFlow.constant(LUMA.T)
        variance = tf.matmul(luma, luma, transpose_a=True) / count
        across, own = (tf.matmul(y, z, transpose_a=True) / count for z in (x, y))
        of_photo, of_anime = of_photo[:, 0], of_anime[:, 0]
        matrix, offset = color_map(_TensorFlow, of_photo, of_anime, variance, across, own)
        fitted = tf.clip_by_value((y + of_anime) @ matrix + offset, 0.0, 1.0) * 2 - 1
        return tf.reshape(fitted, shape)

    def compute_output_shape(self, input_shape):
        return input_shape[1]


def with_fitted_colors(generator: tf.keras.Model) -> tf.keras.Model:
    """A generator followed by `FitColors`; its layers and weights are shared, its output is not."""
    photo, anime = generator.input, generator.output
    return tf.keras.Model(photo, FitColors(name="colors")([photo, anime]), name=generator.name)


def _mean(x):
    """Over height and width, one after the other: the sum of all pixels would lose digits."""
    return tf.reduce_mean(tf.reduce_mean(x, 2, keepdims=True), 1, keepdims=True)


class _TensorFlow:
    log, exp, clip, concat = tf.math.log, tf.exp, tf.clip_by_value, tf.concat

    @staticmethod
    def constant(value):
        return tf.constant(value, tf.float32)
