"""The paper's losses (Sect. 3.2), one function an equation. All return float32 scalars.

Pictures are (B, H, W, 3) in [-1, 1], features (B, H, W, C), logits (B, H, W, 1).
"""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.networks.layers import GramMatrix

_gram_matrix = GramMatrix()


def _mean_absolute_difference(a, b):
    return tf.reduce_mean(tf.abs(a - b))


def _huber(a, b):
    return tf.reduce_mean(tf.keras.losses.huber(a, b, delta=1.0))


def content_loss(photo_features, generated_features):
    """Equation 2: L1 between the VGG19 conv4_4 features of a photo and of its anime version."""
    return _mean_absolute_difference(photo_features, generated_features)


def gray_style_loss(gray_features, generated_features):
    """Equation 3: L1 between the Gram matrices of the gray anime picture and the generated one.

    Both pictures enter VGG as three channels; only the anime picture is gray.
    """
    return _mean_absolute_difference(_gram_matrix(gray_features), _gram_matrix(generated_features))


def color_loss(photo, generated):
    """Equation 4, color reconstruction: in YUV, L1 on Y plus Huber on U plus Huber on V."""
    y_photo, u_photo, v_photo = tf.unstack(tf.image.rgb_to_yuv((photo + 1) / 2), axis=-1)
    y, u, v = tf.unstack(tf.image.rgb_to_yuv((generated + 1) / 2), axis=-1)
    return _mean_absolute_difference(y_photo, y) + _huber(u_photo, u) + _huber(v_photo, v)


def generator_adversarial_loss(generated_logits):
    """Equation 5, first term: least squares toward "real"."""
    return tf.reduce_mean(tf.square(generated_logits - 1))


def discriminator_losses(anime_logits, generated_logits, gray_logits, edge_gray_logits):
    """The four terms of equation 6, unweighted.

    `anime` is pulled toward 1; `generated`, `gray` (the grayscale adversarial loss) and
    `edge_gray` (the edge-promoting adversarial loss) toward 0.

    Returns:
        {"d_anime", "d_generated", "d_gray", "d_edge_gray"}: float32 scalars.
    """
    return {
        "d_anime": tf.reduce_mean(tf.square(anime_logits - 1)),
        "d_generated": tf.reduce_mean(tf.square(generated_logits)),
        "d_gray": tf.reduce_mean(tf.square(gray_logits)),
        "d_edge_gray": tf.reduce_mean(tf.square(edge_gray_logits)),
    }
