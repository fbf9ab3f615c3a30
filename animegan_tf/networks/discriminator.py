"""The discriminator: paper Fig. 1, with the details of the authors' code."""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.networks.layers import InstanceNormalization, SpectralNormalization


def build_discriminator(width: int = 64, dtype: str = "float32") -> tf.keras.Model:
    """The patch discriminator (paper Fig. 1): 1,128,800 parameters at width 64.

    Input: (B, H, W, 3) RGB in [-1, 1], color or gray as three equal channels.
    Output: (B, H // 4, W // 4, 1) logits; least squares, so no sigmoid.

    Pictures of a batch don't influence each other, so several batches may go through as one.
    Called with `training=True` it moves the spectral vectors u once, as one session run of the
    authors' code does; called without, it changes nothing.

    Args:
        width: channels of the first strided convolution; all others scale with it.
        dtype: Keras dtype policy of the convolutions; norms and logits are float32 in any case.
    """

    def convolve(x, filters, name, strides=1):
        if strides == 2:  # One row and one column before, where "same" would pad behind.
            x = tf.keras.layers.ZeroPadding2D(((1, 0), (1, 0)), dtype=dtype, name=f"{name}_pad")(x)
        convolution = tf.keras.layers.Conv2D(
            filters,
            3,
            strides,
            padding="same" if strides == 1 else "valid",
            use_bias=False,
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.02),
            dtype=dtype,
            name=name,
        )
        return SpectralNormalization(convolution, name=f"{name}_sn")(x)

    def norm(x, name):
        return InstanceNormalization(1e-5, name=f"{name}_norm")(x)

    def leaky_relu(x, name):
        return tf.keras.layers.LeakyReLU(0.2, dtype=dtype, name=f"{name}_act")(x)

    image = tf.keras.Input((None, None, 3), name="image")
    x = leaky_relu(convolve(image, width // 2, "conv1"), "conv1")
    for i, filters in ((2, width), (3, 2 * width)):
        x = leaky_relu(convolve(x, filters, f"conv{i}_s2", strides=2), f"conv{i}_s2")
        x = leaky_relu(norm(convolve(x, 2 * filters, f"conv{i}"), f"conv{i}"), f"conv{i}")
    x = leaky_relu(norm(convolve(x, 4 * width, "conv4"), "conv4"), "conv4")
    logits = convolve(x, 1, "logit_conv")
    logits = tf.keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    return tf.keras.Model(image, logits, name="discriminator")
