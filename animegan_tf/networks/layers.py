"""The Keras layers that AnimeGAN needs and Keras lacks."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_register = tf.keras.utils.register_keras_serializable(package="animegan_tf")


@_register
class ReflectionPadding2D(tf.keras.layers.Layer):
    """Mirrors the border without repeating the edge pixel, as `tf.pad(mode="REFLECT")`.

    Shapes: (B, H, W, C) to (B, H + top + bottom, W + left + right, C); H and W must exceed the
    padding.

    Args:
        padding: ((top, bottom), (left, right)) in pixels.
    """

    def __init__(self, padding=((1, 1), (1, 1)), **kwargs):
        super().__init__(**kwargs)
        self.padding = tuple(tuple(int(p) for p in pair) for pair in padding)

    def call(self, inputs):
        return tf.pad(inputs, ((0, 0), *self.padding, (0, 0)), mode="REFLECT")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        grown = [
            None if n is None else n + sum(pair) for n, pair in zip((height, width), self.padding)
        ]
        return (batch, *grown, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@_register
class LegacyBilinearResize(tf.keras.layers.Layer):
    """Doubles or halves height and width, bilinear on TensorFlow 1's grid.

    Target pixel i samples source position i * in / out: neither half-pixel centers nor aligned
    corners. The released weights were trained on this grid, and every resize that Keras offers
    uses another. Halving floors an odd size.

    Shapes: (B, H, W, C) to (B, 2H, 2W, C) or (B, H // 2, W // 2, C).

    Args:
        factor: 2.0 doubles, 0.5 halves.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        if factor not in (0.5, 2.0):
            raise ValueError(f"factor must be 0.5 or 2.0, not {factor}")
        self.factor = factor

    def _scaled(self, size):
        return size * 2 if self.factor == 2.0 else size // 2

    def call(self, inputs):
        size = self._scaled(tf.shape(inputs)[1:3])
        # In float32, which the operation gives in any case: XLA's gradient of it can't mix types.
        resized = tf.raw_ops.ResizeBilinear(
            images=tf.cast(inputs, tf.float32),
            size=size,
            align_corners=False,
            half_pixel_centers=False,
        )
        resized = tf.ensure_shape(resized, self.compute_output_shape(inputs.shape))
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        scaled = [None if n is None else self._scaled(n) for n in (height, width)]
        return (batch, *scaled, channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@_register
class InstanceNormalization(tf.keras.layers.Layer):
    """Normalizes each channel of each picture over height and width, then scales and shifts.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta with the biased variance (Ulyanov et
    al., 1607.08022), computed in float32.

    Where the number of pictures is known when the graph is built, as in training, each picture is
    one training-mode batch normalization: one kernel forward and one backward, in place of twenty
    operations that each read or write the whole tensor. Else it is written as moments and
    batch_normalization on 4-D tensors, which a 5-D group normalization is not.

    Shapes: (B, H, W, C) to the same, in the dtype that comes in. Weights are float32.

    Args:
        epsilon: added to the variance. The authors' code has 1e-5, and 1e-6 after separable
            convolutions.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=channels, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if inputs.shape[0] is not None:
            pictures = tf.split(inputs, inputs.shape[0])
            return tf.concat(
                [normalize_picture(picture, gamma, beta, self.epsilon) for picture in pictures],
                axis=0,
            )
        x = tf.cast(inputs, tf.float32)
        mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True)
        normalized = tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)
        return tf.cast(normalized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def normalize_picture(x, gamma, beta, epsilon):
    """Instance normalization of a batch of one, (1, H, W, C), in one kernel.

    Statistics, gamma and beta are float32; `x` may be float32, bfloat16 or float16.
    """
    none = np.zeros(0, np.float32)
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=none, variance=none, epsilon=epsilon, is_training=True
    ).y


@_register
class SpectralNormalization(tf.keras.layers.Wrapper):
    """A convolution whose kernel is divided by its largest singular value.

    One power iteration a call (Miyato et al., 1802.05957), as in the authors' code: with W the
    kernel as a (9 * cin, cout) matrix, v = u W^T / |.|, u' = v W / |.|, sigma = v W u'^T. The
    normalized kernel is a tensor: the variable keeps its value, and the gradient flows through
    sigma, while u and v count as constants. `u` takes the value u' only in a call with
    `training=True`; inference never moves it.

    Sigma and the kernel are computed in float32, the convolution in the wrapped layer's dtype.

    Args:
        layer: a `Conv2D` without bias and activation.
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, tf.keras.layers.Conv2D) or layer.use_bias:
            raise ValueError("SpectralNormalization wraps a Conv2D without bias")
        super().__init__(layer, **{**kwargs, "dtype": "float32", "autocast": False})

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(1, self.layer.filters),
            trainable=False,
            initializer=tf.keras.initializers.TruncatedNormal(stddev=1.0),
        )
        super().build(input_shape)

    def power_iteration(self):
        """Returns the normalized kernel (kh, kw, cin, cout), sigma () and the new u (1, cout)."""
        kernel = tf.convert_to_tensor(self.layer.kernel)
        matrix = tf.reshape(kernel, (-1, self.layer.filters))
        v = _l2_normalize(tf.matmul(tf.convert_to_tensor(self.u), matrix, transpose_b=True))
        u = _l2_normalize(tf.matmul(v, matrix))
        v, u = tf.stop_gradient(v), tf.stop_gradient(u)
        sigma = tf.squeeze(tf.matmul(tf.matmul(v, matrix), u, transpose_b=True))
        return kernel / sigma, sigma, u

    def call(self, inputs, training=False):
        kernel, _, u = self.power_iteration()
        if training:
            self.u.assign(u)
        dtype = self.layer.compute_dtype
        return tf.nn.conv2d(
            tf.cast(inputs, dtype),
            tf.cast(kernel, dtype),
            strides=self.layer.strides,
            padding=self.layer.padding.upper(),
        )

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def _l2_normalize(x):
    return x / (tf.norm(x) + 1e-12)


@_register
class GramMatrix(tf.keras.layers.Layer):
    """Correlations between channels: F^T F / (H * W * C) for each picture.

    Shapes: (B, H, W, C) to (B, C, C). The division by all three sizes is the authors'; without
    it the style loss drowns the others (Johnson et al., 1603.08155, have the same).
    """

    def call(self, inputs):
        shape = tf.shape(inputs)
        channels = inputs.shape[-1]
        features = tf.reshape(inputs, (shape[0], shape[1] * shape[2], channels))
        gram = tf.matmul(features, features, transpose_a=True)
        return gram / tf.cast(shape[1] * shape[2] * channels, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1], input_shape[-1])
