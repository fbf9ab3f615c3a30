"""What followers of the paper usually write, as a measure: a plain train step, a pixel loop."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from animegan_tf.data.edges import find_edges
from animegan_tf.networks import losses
from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.layers import InstanceNormalization
from animegan_tf.training.steps import adam


def smooth_edges_by_pixel(rgb: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """`edges.smooth_edges` as a loop over the pixels of edges."""
    one = np.array([1, 4, 6, 4, 1], np.float64)
    gaussian = np.outer(one, one) / 256
    padded = np.pad(rgb, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    result = rgb.copy()
    edges = find_edges(gray)
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            if edges[i, j]:
                for c in range(3):
                    result[i, j, c] = np.sum(padded[i : i + 5, j : j + 5, c] * gaussian)
    return result


class PlainTrainingState:
    """The train step as two runs, like the authors' two session runs, in float32.

    Each run makes the generator's pictures anew; the discriminator sees each kind of picture by a
    call of its own, five in all; VGG19 is called four times; and norms are Keras's
    GroupNormalization with a group for each channel.
    """

    def __init__(self, config, vgg19):
        tf.keras.utils.set_random_seed(config.seed)
        self.config, self.vgg19 = config, vgg19
        self.generator = _with_group_normalization(build_generator(config.width))
        self.discriminator = _with_group_normalization(build_discriminator(config.width))
        self.generator_optimizer = adam(config.generator_learning_rate)
        self.discriminator_optimizer = adam(config.discriminator_learning_rate)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.train_step = tf.function(self._two_runs)

    def _two_runs(self, batch):
        weights = self.config.loss_weights
        with tf.GradientTape() as tape:
            generated = self.generator(batch["photo"], training=True)
            terms = losses.discriminator_losses(
                self.discriminator(batch["anime"], training=True),
                self.discriminator(generated, training=True),
                self.discriminator(batch["gray"], training=True),
                self.discriminator(batch["edge_gray"], training=True),
            )
            d_total = weights.discriminator_adversarial_weight * (
                terms["d_anime"]
                + weights.generated_weight * terms["d_generated"]
                + weights.gray_adversarial_weight * terms["d_gray"]
                + weights.edge_adversarial_weight * terms["d_edge_gray"]
            )
        _apply(self.discriminator_optimizer, tape, d_total, self.discriminator)

        with tf.GradientTape() as tape:
            generated = self.generator(batch["photo"], training=True)
            content = losses.content_loss(self.vgg19(batch["photo"]), self.vgg19(generated))
            style = losses.gray_style_loss(self.vgg19(batch["gray"]), self.vgg19(generated))
            g_total = (
                weights.content_weight * content
                + weights.gray_style_weight * style
                + weights.color_weight * losses.color_loss(batch["photo"], generated)
                + weights.generator_adversarial_weight
                * losses.generator_adversarial_loss(self.discriminator(generated, training=True))
            )
        _apply(self.generator_optimizer, tape, g_total, self.generator)
        return {"discriminator": d_total, "generator": g_total}


def _apply(optimizer, tape, total, model):
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(total, variables), variables))


def _with_group_normalization(model):
    def clone(layer):
        if isinstance(layer, InstanceNormalization):
            return tf.keras.layers.GroupNormalization(
                groups=-1, epsilon=layer.epsilon, name=layer.name
            )
        return layer.__class__.from_config(layer.get_config())

    copy = tf.keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy
