"""The networks in training, and one step of each phase."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import build_generator
from animegan_tf.training.config import LossWeights, TrainConfig
from animegan_tf.training.objectives import (
    discriminator_objective,
    generator_objective,
    pretrain_objective,
)
from animegan_tf.training.replicas import Replicas, Tensors, apply_gradients, mean_of_replicas


def adam(learning_rate: float) -> tf.keras.optimizers.Optimizer:
    """Adam as the authors set it; Keras's own default epsilon is 1e-7."""
    return tf.keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999, epsilon=1e-8)


class TrainingState:
    """The networks, their optimizers, and one step of each phase.

    Everything that a checkpoint holds is an attribute here. Built in the scope of a
    `tf.distribute.Strategy`, the steps run on all its replicas, each on an equal part of the
    batch's rows. All losses are means over rows, so the mean of the replicas' gradients is the
    gradient of the whole batch, and the update is the one that a single device would make.

    Variables are mirrored: every replica makes the same updates to its own copy, that of u, of the
    moving average and of the step's number included.

    Args:
        vgg19: the frozen feature network (see `perceptual.build_vgg19`).
        width: channels of both networks' first stage.
        precision: Keras dtype policy of the convolutions.
        loss_weights: of the objectives.
        learning_rates: of the generator in pre-training, of the generator, of the discriminator.
        ema_decay: of the generator's moving average; 0 turns averaging off.
        xla: compile the steps with XLA.
        seed: of the initial weights.

    Attributes:
        pretrain_step: takes a batch, {"photo", ...} of (B, H, W, 3) each, and makes one update of
            the generator on the content loss; returns {"pretrain", "content"}, float32 scalars.
        train_step: takes a batch, {"photo", "anime", "gray", "edge_gray"}, and makes one update of
            the discriminator, then one of the generator against it; returns the totals
            "discriminator" and "generator" (weighted) and their terms (unweighted).
    """

    def __init__(
        self,
        vgg19: tf.keras.Model,
        *,
        width: int,
        precision: str,
        loss_weights: LossWeights,
        learning_rates: tuple[float, float, float],
        ema_decay: float,
        xla: bool,
        seed: int,
    ):
        tf.keras.utils.set_random_seed(seed)
        self.vgg19, self.loss_weights, self.ema_decay = vgg19, loss_weights, ema_decay
        self.replicas = Replicas()
        self.generator = build_generator(width, precision)
        self.discriminator = build_discriminator(width, precision)
        self.averaged_generator = build_generator(width)
        self.averaged_generator.set_weights(self.generator.get_weights())
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")

        self.pretrain_optimizer, self.generator_optimizer, self.discriminator_optimizer = map(
            adam, learning_rates
        )
        self.pretrain_optimizer.build(self.generator.trainable_variables)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

        self.checkpoint = tf.train.Checkpoint(
            generator=self.generator,
            discriminator=self.discriminator,
            ema=self.averaged_generator,
            pretrain_optimizer=self.pretrain_optimizer,
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            step=self.step,
        )
        self.pretrain_step = self.replicas.compile(self._pretrain_step, xla=xla)
        self.train_step = self.replicas.compile(self._train_step, xla=xla)

    @classmethod
    def from_config(cls, config: TrainConfig, vgg19: tf.keras.Model) -> TrainingState:
        """The state that a run starts with."""
        return cls(
            vgg19,
            width=config.width,
            precision=config.precision,
            loss_weights=config.loss_weights,
            learning_rates=(
                config.init_learning_rate,
                config.generator_learning_rate,
                config.discriminator_learning_rate,
            ),
            ema_decay=config.ema_decay,
            xla=config.xla,
            seed=config.seed,
        )

    def start_from(self, weights: Iterable[np.ndarray]) -> None:
        """Gives the generator, and its moving average, the weights of another one."""
        weights = list(weights)
        self.generator.set_weights(weights)
        self.averaged_generator.set_weights(weights)

    def _pretrain_step(self, batch: Tensors) -> Tensors:
        with tf.GradientTape() as tape:
            generated = self.generator(batch["photo"], training=True)
            total, terms = pretrain_objective(
                self.vgg19, batch["photo"], generated, self.loss_weights
            )
        apply_gradients(self.pretrain_optimizer, tape, total, self.generator.trainable_variables)
        self._end_step()
        return mean_of_replicas({"pretrain": total, **terms})

    def _train_step(self, batch: Tensors) -> Tensors:
        # The generator does not change until both totals are known, so its pictures serve both.
        with tf.GradientTape() as generator_tape:
            generated = self.generator(batch["photo"], training=True)

            with tf.GradientTape() as discriminator_tape:
                d_total, d_terms = discriminator_objective(
                    self.discriminator, batch, tf.stop_gradient(generated), self.loss_weights
                )
            apply_gradients(
                self.discriminator_optimizer,
                discriminator_tape,
                d_total,
                self.discriminator.trainable_variables,
            )

            g_total, g_terms = generator_objective(
                self.discriminator, self.vgg19, batch, generated, self.loss_weights
            )
        apply_gradients(
            self.generator_optimizer, generator_tape, g_total, self.generator.trainable_variables
        )
        self._end_step()
        return mean_of_replicas(
            {"discriminator": d_total, **d_terms, "generator": g_total, **g_terms}
        )

    def _end_step(self):
        """Counts the step and follows the generator with its moving average.

        The average starts short, as (1 + t) / (10 + t), so that it forgets the initial weights.
        """
        t = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.ema_decay, (1 + t) / (10 + t))
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(
                decay * tf.convert_to_tensor(average) + (1 - decay) * tf.convert_to_tensor(value)
            )
        self.step.assign_add(1)

    def non_finite_variable(self) -> str | None:
        """The name of a weight that is NaN or infinite, if there is one."""
        for model in (self.generator, self.discriminator):
            for variable in model.variables:
                if not np.isfinite(variable.numpy()).all():
                    return f"{model.name}: {variable.name}"
        return None
