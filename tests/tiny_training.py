"""Training in miniature: a configuration, batches and states that take seconds."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf
from kept_states import kept_state

from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training.config import TrainConfig

CONFIG = TrainConfig(
    style="test",
    width=8,
    image_size=32,
    batch_size=2,
    vgg="random",
    epochs=2,
    init_epochs=1,
    steps_per_epoch=3,
    sample_count=2,
    log_every=1,
    init_learning_rate=1e-3,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
)
PICTURES = ("photo", "anime", "gray", "edge_gray")


def batch(seed=0, size=32, count=2):
    rng = np.random.RandomState(seed)
    return {
        name: tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), tf.float32)
        for name in PICTURES
    }


@functools.cache
def vgg19(precision):
    """Random features of this precision; frozen, so all tests share them."""
    return build_vgg19("random", precision, width=8)


def make_state(**changes):
    """A new state, or a kept one that begins anew."""
    config = dataclasses.replace(CONFIG, **changes)
    return kept_state(config, vgg19(config.precision))


def weights(state):
    return [
        v.numpy()
        for model in (state.generator, state.discriminator, state.averaged_generator)
        for v in model.variables
    ]


def moments(state):
    """What the optimizers remember."""
    return [
        v.numpy()
        for optimizer in (
            state.pretrain_optimizer,
            state.generator_optimizer,
            state.discriminator_optimizer,
        )
        for v in optimizer.variables
    ]


def assert_equal(found, expected):
    """Lists of arrays, to the bit."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)
