"""Training states that tests share: tracing a step takes longer than a whole tiny training."""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.training.config import TrainConfig
from animegan_tf.training.steps import TrainingState

_new = TrainingState.from_config
_kept: dict = {}


def kept_state(config: TrainConfig, vgg19: tf.keras.Model) -> TrainingState:
    """What `TrainingState.from_config` gives, but one state for each configuration.

    It begins anew, with the weights, optimizers, and step of a new one, and with its compiled
    steps. So whoever had it before must be done with it.
    """
    key = (
        *(config.width, config.precision, config.loss_weights, config.ema_decay, config.xla),
        *(config.seed, config.init_learning_rate, config.generator_learning_rate),
        *(config.discriminator_learning_rate, config.vgg, vgg19.count_params()),
    )
    if key not in _kept:
        state = _new(config, vgg19)
        _kept[key] = state, dict(vars(state)), [v.numpy() for v in _variables(state)]
    state, attributes, start = _kept[key]
    vars(state).update(attributes)
    tf.keras.utils.set_random_seed(config.seed)
    for variable, value in zip(_variables(state), start):
        variable.assign(value)
    return state


def _variables(state: TrainingState) -> list:
    optimizers = (
        *(state.pretrain_optimizer, state.generator_optimizer),
        state.discriminator_optimizer,
    )
    networks = (state.generator, state.discriminator, state.averaged_generator)
    return [state.step, *(v for holder in (*networks, *optimizers) for v in holder.variables)]
