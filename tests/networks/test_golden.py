"""Networks, losses and gradients against the authors' TensorFlow 1 code at full width."""

import golden_values as golden
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.layers import GramMatrix, InstanceNormalization
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training.config import LossWeights, TrainConfig
from animegan_tf.training.objectives import (
    discriminator_objective,
    generator_objective,
    pretrain_objective,
)
from animegan_tf.training.steps import TrainingState


@pytest.fixture(scope="module")
def generator():
    model = build_generator()
    golden.load_golden_weights(golden.generator_variables(model), "generator")
    return model


@pytest.fixture
def discriminator():
    model = build_discriminator()
    golden.load_golden_weights(golden.discriminator_variables(model), "discriminator")
    return model


@pytest.fixture(scope="module")
def vgg19():
    model = build_vgg19("random")
    golden.load_golden_vgg19(model)
    return model


def max_error(actual, expected):
    return np.max(np.abs(np.asarray(actual, np.float64) - expected))


def relative(actual, expected):
    return abs(float(actual) - expected) / abs(expected)


def test_parameter_counts(generator, discriminator):
    table = golden.values("table1")
    assert generator.count_params() == table["generator"]["trainable_parameters"] == 3956096
    assert len(generator.weights) == table["generator"]["variables"]
    trainable = sum(int(np.prod(v.shape)) for v in discriminator.trainable_variables)
    assert trainable == table["discriminator"]["trainable_parameters"] == 1128800


@pytest.mark.parametrize("size", ["64", "50x70"])
def test_generator_output(generator, size):
    expected = golden.arrays("generator")[f"out_{size}"]
    output = generator(golden.picture(f"photo_{size}"))
    assert output.shape == expected.shape
    assert max_error(output, expected) < 2e-4


@pytest.mark.parametrize(
    "stage, layer",
    [
        ("b1_conv0", "b1_conv1_act"),
        ("b1_conv1", "b1_conv2_act"),
        ("b1_sep_stride2", "b1_down_strided_act"),
        ("b1_resize", "b1_down_resize"),
        ("b1_sep_resized", "b1_down_resized_act"),
        ("b1", "b1_down"),
        ("b2", "b2_down"),
        ("m_conv0", "m_conv1_act"),
        ("m_r1", "m_r1"),
        ("m_r8", "m_r8"),
        ("m", "m_conv2_act"),
        ("u2_resize", "u2_up_resize"),
        ("u2_sep0", "u2_up_act"),
        ("u2", "u2_conv_act"),
        ("u1_resize", "u1_up_resize"),
        ("u1_sep0", "u1_up_act"),
        ("u1", "u1_conv2_act"),
    ],
)
def test_generator_stage(generator, stage, layer):
    until_here = tf.keras.Model(generator.input, generator.get_layer(layer).output)
    features = until_here(golden.picture("photo_64")).numpy()
    expected = golden.arrays("generator")
    assert max_error(features[0, :8, :8, :8], expected[f"stage_{stage}_crop"]) < 5e-4
    assert max_error(features[0, -8:, -8:, -8:], expected[f"stage_{stage}_crop_end"]) < 5e-4
    statistics = golden.values("generator_stats")[f"stage_{stage}"]
    assert list(features.shape) == statistics["shape"]
    assert abs(features.mean() - statistics["mean"]) < 1e-4


def test_instance_norm_epsilons(generator):
    """1e-6 after the eight separable convolutions, 1e-5 elsewhere: invisible in the outputs."""
    epsilons = {
        layer.name: layer.epsilon
        for layer in generator.layers
        if isinstance(layer, InstanceNormalization)
    }
    paths = golden.generator_paths()
    expected = {
        paths[record["name"]].split("/")[0]: 1e-6 if "Separable" in record["tf1_name"] else 1e-5
        for record in golden.layers()["generator"]
        if record["kind"] == "gamma"
    }
    assert epsilons == expected


def test_discriminator_logits_and_spectral_vectors(discriminator):
    expected = golden.arrays("discriminator")
    photo = golden.picture("photo_64")
    for call in ("call1", "call2"):
        sigmas = [
            discriminator.get_layer(f"{name}_sn").power_iteration()
            for name in golden.DISCRIMINATOR_LAYERS
        ]
        logits = discriminator(photo, training=True)
        assert max_error(logits, expected[f"logits_64_{call}"]) < 2e-5
        for i, (kernel, sigma, _) in enumerate(sigmas):
            layer = discriminator.get_layer(f"{golden.DISCRIMINATOR_LAYERS[i]}_sn")
            assert relative(sigma, expected[f"sigma_conv_0{i}_{call}"]) < 1e-5
            assert (
                max_error(
                    np.ravel(kernel)[:16], expected[f"normalised_kernel_conv_0{i}_{call}_first"]
                )
                < 1e-5
            )
            assert max_error(layer.u, expected[f"u_after_{call}_conv_0{i}"]) < 1e-5


def test_discriminator_at_256(discriminator):
    for call in ("call1", "call2"):
        logits = discriminator(golden.picture("photo_256"), training=True)
        assert max_error(logits, golden.arrays("discriminator")[f"logits_256_{call}"]) < 2e-5


def test_inference_leaves_spectral_vectors_alone(discriminator):
    before = [v.numpy() for v in discriminator.weights]
    discriminator(golden.picture("photo_64"))
    discriminator(golden.picture("photo_64"), training=False)
    for variable, value in zip(discriminator.weights, before):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_vgg_features_and_gram(vgg19):
    expected = golden.arrays("vgg19")
    photo = golden.picture("photo_64")
    features = vgg19(photo)
    assert max_error(features, expected["conv4_4_preact"]) < 2e-2
    gram = GramMatrix()(features).numpy()
    assert max_error(gram[0][np.triu_indices(512)], expected["gram_image0_upper_triangle"]) < 2e-3
    assert max_error(gram[1, :64, :64], expected["gram_image1_crop64"]) < 2e-3
    first = tf.keras.Model(vgg19.input, vgg19.get_layer("block1_relu1").output)(photo)
    assert max_error(first[0, :8, :8, :8], expected["conv1_1_crop"]) < 1e-3
    pool3 = tf.keras.Model(vgg19.input, vgg19.get_layer("block3_pool").output)(photo)
    assert max_error(pool3[0, :4, :4, :16], expected["pool3_crop"]) < 1e-2


def test_rgb_to_yuv_pixel():
    values = golden.values("losses")
    for kind in ("real", "fake"):
        yuv = tf.image.rgb_to_yuv((tf.constant(values[f"{kind}_pixel"]) + 1) / 2)
        assert max_error(yuv, values[f"yuv_{kind}_pixel"]) < 1e-6


def test_every_loss_term(generator, discriminator, vgg19):
    expected = golden.values("losses")
    batch = golden.training_batch()
    generated = generator(batch["photo"])

    d_total, d_terms = discriminator_objective(discriminator, batch, generated, LossWeights())
    _, g_terms = generator_objective(
        discriminator, vgg19, batch, generated, LossWeights(), training=False
    )
    pretrain_total, pretrain_terms = pretrain_objective(
        vgg19, batch["photo"], generated, LossWeights()
    )

    limit = 2e-5
    assert relative(d_terms["d_anime"], expected["d_real"]) < limit
    assert relative(d_terms["d_generated"], expected["d_fake"]) < limit
    assert relative(d_terms["d_gray"], expected["d_gray"]) < limit
    assert relative(d_terms["d_edge_gray"], expected["d_smooth"]) < limit
    assert relative(d_total, expected["total_d"]) < limit
    assert relative(g_terms["content"], expected["content"]) < limit
    assert relative(g_terms["gray_style"], expected["gray_style"]) < limit
    assert relative(g_terms["color"], expected["color"]) < limit
    assert relative(pretrain_terms["content"], expected["content"]) < limit
    assert relative(pretrain_total, expected["init_phase"]) < limit


def test_generator_total_from_fresh_spectral_vectors(generator, discriminator, vgg19):
    expected = golden.values("losses")
    batch = golden.training_batch()
    total, terms = generator_objective(
        discriminator, vgg19, batch, generator(batch["photo"]), LossWeights(), training=False
    )
    assert relative(terms["adversarial"], expected["g_adv"]) < 2e-5
    assert relative(total, expected["total_g_alone"]) < 2e-5


def check_gradients(objective, gradients, names, norm_limit):
    """Norms, samples and full arrays against gradients.npz; the full limit is the kinks'."""
    stored = golden.arrays("gradients")
    for i, (name, gradient) in enumerate(zip(names, gradients)):
        assert stored[f"{objective}_names"][i] == name
        if name in golden.ZERO_GRADIENT:
            continue
        gradient = np.asarray(gradient, np.float64)
        norm = stored[f"{objective}_l2"][i]
        assert relative(np.linalg.norm(gradient), norm) < norm_limit, name
        flat = gradient.ravel()[np.linspace(0, gradient.size - 1, 8).astype(int)]
        assert max_error(flat, stored[f"{objective}_samples"][i]) < 3e-2 * norm, name
        full = stored.get(f"full_{objective}:{name.replace('/', '.')}")
        if full is not None:
            assert np.linalg.norm(gradient - full) < 3e-2 * np.linalg.norm(full), name


def test_generator_gradients(generator, discriminator, vgg19):
    batch = golden.training_batch()
    variables = golden.generator_variables(generator)
    for name, objective in {
        "total_g": lambda x: generator_objective(
            discriminator, vgg19, batch, x, LossWeights(), training=False
        ),
        "init_phase": lambda x: pretrain_objective(vgg19, batch["photo"], x, LossWeights()),
    }.items():
        names = list(golden.arrays("gradients")[f"{name}_names"])
        with tf.GradientTape() as tape:
            total, _ = objective(generator(batch["photo"]))
        gradients = tape.gradient(total, [variables[n] for n in names])
        check_gradients(name, gradients, names, norm_limit=1e-2)


def test_discriminator_gradients(generator, discriminator):
    batch = golden.training_batch()
    generated = generator(batch["photo"])
    names = list(golden.arrays("gradients")["total_d_names"])
    variables = golden.discriminator_variables(discriminator)
    with tf.GradientTape() as tape:
        total, _ = discriminator_objective(discriminator, batch, generated, LossWeights())
    gradients = tape.gradient(total, [variables[n] for n in names])
    check_gradients("total_d", gradients, names, norm_limit=2e-3)


@pytest.fixture(scope="module")
def state(vgg19):
    state = TrainingState.from_config(TrainConfig(), vgg19)
    golden.load_golden_weights(golden.generator_variables(state.generator), "generator")
    golden.load_golden_weights(golden.discriminator_variables(state.discriminator), "discriminator")
    return state


def test_first_iteration(state):
    """The generator meets the discriminator that this very iteration has updated: 599.12.

    Against the old discriminator its loss would be 733.17. And u has moved twice: once with the
    old kernel in the discriminator's run, once with the new one in the generator's.
    """
    kernel = state.discriminator.get_layer("conv2_sn").layer.kernel
    before = np.reshape(kernel.numpy(), (-1, 128)).astype(np.float64)
    values = state.train_step(golden.training_batch())
    after = np.reshape(kernel.numpy(), (-1, 128)).astype(np.float64)

    assert relative(values["discriminator"], golden.values("losses")["total_d"]) < 1e-4
    assert abs(float(values["generator"]) - 599.12) < 0.06
    record = next(r for r in golden.layers()["discriminator"] if r["name"] == "d/conv_02/u")
    u = golden.weight(record).astype(np.float64)
    for matrix in (before, after):
        v = u @ matrix.T / np.linalg.norm(u @ matrix.T)
        u = v @ matrix / np.linalg.norm(v @ matrix)
    assert max_error(state.discriminator.get_layer("conv2_sn").u, u) < 1e-5


def test_optimizers_follow_the_authors(state):
    for optimizer, learning_rate in (
        (state.pretrain_optimizer, 1e-4),
        (state.generator_optimizer, 8e-5),
        (state.discriminator_optimizer, 1.6e-4),
    ):
        settings = optimizer.get_config()
        assert settings["epsilon"] == 1e-8
        assert (settings["beta_1"], settings["beta_2"]) == (0.5, 0.999)
        assert settings["learning_rate"] == pytest.approx(learning_rate)
        assert not settings.get("weight_decay")
