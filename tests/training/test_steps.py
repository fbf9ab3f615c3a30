"""One step of each phase, on a tiny network and random perceptual features."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import batch, make_state, weights

from animegan_tf.networks import losses
from animegan_tf.training.config import LossWeights
from animegan_tf.training.objectives import LOSS_NAMES, discriminator_objective


def test_pretraining_moves_the_generator_only():
    state = make_state()
    before = [v.numpy() for v in state.discriminator.variables]
    contents = [float(state.pretrain_step(batch())["content"]) for _ in range(8)]
    assert contents[-1] < 0.9 * contents[0]
    for value, variable in zip(before, state.discriminator.variables):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert int(state.step) == 8


def test_train_step_returns_every_loss_and_moves_both_networks():
    state = make_state()
    before = weights(state)
    values = state.train_step(batch())
    assert set(values) == set(LOSS_NAMES) - {"pretrain"}
    assert all(np.isfinite(float(v)) for v in values.values())
    moved = [np.abs(a - b).max() > 0 for a, b in zip(before, weights(state))]
    names = [
        v.name
        for m in (state.generator, state.discriminator, state.averaged_generator)
        for v in m.variables
    ]
    assert [n for n, m in zip(names, moved) if not m] == []


def test_totals_are_the_weighted_terms(eagerly):
    state = make_state(
        loss_weights=LossWeights(
            generator_adversarial_weight=2.0,
            discriminator_adversarial_weight=3.0,
            content_weight=5.0,
            gray_style_weight=7.0,
            color_weight=11.0,
            generated_weight=13.0,
            gray_adversarial_weight=17.0,
            edge_adversarial_weight=19.0,
        )
    )
    v = {k: float(x) for k, x in state.train_step(batch()).items()}
    assert v["generator"] == pytest.approx(
        2 * v["adversarial"] + 5 * v["content"] + 7 * v["gray_style"] + 11 * v["color"], rel=1e-5
    )
    assert v["discriminator"] == pytest.approx(
        3 * (v["d_anime"] + 13 * v["d_generated"] + 17 * v["d_gray"] + 19 * v["d_edge_gray"]),
        rel=1e-5,
    )


def test_one_batch_through_the_discriminator_equals_four():
    state, pictures = make_state(), batch()
    generated = state.generator(pictures["photo"])
    separate = [
        state.discriminator(x)
        for x in (pictures["anime"], generated, pictures["gray"], pictures["edge_gray"])
    ]
    expected = losses.discriminator_losses(*separate)
    _, terms = discriminator_objective(state.discriminator, pictures, generated, LossWeights())
    for name in terms:
        assert float(terms[name]) == pytest.approx(float(expected[name]), rel=1e-5)


def test_mixed_precision_step_stays_close():
    exact = make_state().train_step(batch())
    mixed = make_state(precision="mixed_bfloat16")
    for name, value in mixed.train_step(batch()).items():
        assert value.dtype == tf.float32
        assert float(value) == pytest.approx(float(exact[name]), rel=0.1), name
    assert all(v.dtype == "float32" for v in mixed.generator.trainable_variables)


@pytest.mark.slow  # tests/networks/test_layers.py compiles each kind of layer.
def test_xla_step_is_the_same_step():
    plain = make_state()
    compiled = make_state(xla=True)
    values, expected = compiled.train_step(batch()), plain.train_step(batch())
    for name in expected:
        assert float(values[name]) == pytest.approx(float(expected[name]), rel=1e-3), name


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_average_follows_the_generator(eagerly, decay):
    state = make_state(ema_decay=decay)
    start = state.generator.get_weights()
    state.pretrain_step(batch())
    for before, now, average in zip(
        start, state.generator.get_weights(), state.averaged_generator.get_weights()
    ):
        np.testing.assert_allclose(average, decay * before + (1 - decay) * now, atol=1e-7)
