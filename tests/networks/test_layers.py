import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.networks.layers import (
    GramMatrix,
    InstanceNormalization,
    LegacyBilinearResize,
    ReflectionPadding2D,
    SpectralNormalization,
)


def noise(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def test_reflection_padding_mirrors_without_the_edge():
    x = noise(2, 5, 6, 3)
    padded = ReflectionPadding2D(((1, 2), (0, 3)))(x)
    np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)), "reflect"))


def test_halving_an_even_size_takes_every_other_pixel():
    x = noise(1, 8, 6, 2)
    np.testing.assert_array_equal(LegacyBilinearResize(0.5)(x), x[:, ::2, ::2])


def test_doubling_averages_neighbors_and_repeats_the_last():
    x = noise(1, 3, 4, 2)
    rows = np.repeat(x, 2, axis=1)
    rows[:, 1:-1:2] = (x[:, :-1] + x[:, 1:]) / 2
    expected = np.repeat(rows, 2, axis=2)
    expected[:, :, 1:-1:2] = (rows[:, :, :-1] + rows[:, :, 1:]) / 2
    np.testing.assert_allclose(LegacyBilinearResize(2.0)(x), expected, atol=1e-6)


@pytest.mark.parametrize("factor, size", [(0.5, (3, 4)), (2.0, (14, 18))])
def test_resize_of_odd_sizes_is_tensorflow_1s(factor, size):
    x = noise(1, 7, 9, 2)
    expected = tf.compat.v1.image.resize_bilinear(x, size)
    np.testing.assert_allclose(LegacyBilinearResize(factor)(x), expected, atol=1e-6)


def test_xla_compiles_each_layer_and_its_gradient():
    photo = tf.keras.Input((8, 8, 4), batch_size=2)
    x = ReflectionPadding2D(((1, 1), (1, 1)))(photo)
    x = SpectralNormalization(tf.keras.layers.Conv2D(6, 3, use_bias=False))(x)
    x = InstanceNormalization()(x)
    x = LegacyBilinearResize(0.5)(LegacyBilinearResize(2.0)(x))
    network = tf.keras.Model(photo, GramMatrix()(x))
    start, pictures = network.get_weights(), noise(2, 8, 8, 4)

    def gradients(pictures):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(network(pictures, training=True) ** 2)
        return tape.gradient(total, network.trainable_variables)

    expected = gradients(pictures)
    moved = network.get_weights()
    network.set_weights(start)
    for found, gradient in zip(tf.function(gradients, jit_compile=True)(pictures), expected):
        np.testing.assert_allclose(found, gradient, atol=1e-5)
    for found, weights in zip(network.get_weights(), moved):
        np.testing.assert_allclose(found, weights, atol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_resize_has_a_bfloat16_gradient_under_xla(factor):
    layer = LegacyBilinearResize(factor, dtype="mixed_bfloat16")

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            total = tf.reduce_sum(tf.cast(y, tf.float32)) + tf.reduce_sum(tf.cast(x, tf.float32))
        return y, tape.gradient(total, x)

    y, found = gradient(tf.ones((1, 4, 4, 2), tf.bfloat16))
    assert y.dtype == found.dtype == tf.bfloat16
    assert float(tf.reduce_sum(tf.cast(found, tf.float32))) == 32 + 32 * factor**2


def test_resize_refuses_other_factors():
    with pytest.raises(ValueError, match=r"0\.5 or 2\.0"):
        LegacyBilinearResize(3)


def test_instance_norm_against_keras_group_norm():
    x = 3 * noise(2, 7, 5, 4) + 1
    ours, theirs = InstanceNormalization(1e-3), tf.keras.layers.GroupNormalization(-1, epsilon=1e-3)
    ours.build(x.shape), theirs.build(x.shape)
    ours.set_weights([noise(4, seed=1), noise(4, seed=2)])
    theirs.set_weights([noise(4, seed=1), noise(4, seed=2)])
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_instance_norm_against_tensorflow_addons():
    tfa = pytest.importorskip("tensorflow_addons", reason="TensorFlow Addons has no Keras 3")
    x = 3 * noise(2, 7, 5, 4) + 1
    np.testing.assert_allclose(
        InstanceNormalization(1e-5)(x), tfa.layers.InstanceNormalization(epsilon=1e-5)(x), atol=1e-5
    )


@pytest.mark.parametrize("dtype, limit", [("float32", 1e-5), ("bfloat16", 0.03)])
def test_instance_norm_of_a_known_and_an_unknown_number_of_pictures(dtype, limit):
    x = tf.cast(3 * noise(2, 9, 5, 4) + 1, dtype)
    layer = InstanceNormalization(1e-3)
    layer.build(x.shape)
    layer.set_weights([noise(4, seed=1), noise(4, seed=2)])
    weights = tf.cast(noise(2, 9, 5, 4, seed=3), dtype)

    def output_and_gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            total = tf.reduce_sum(tf.cast(y * weights, tf.float32))
        return y, tape.gradient(total, [x, *layer.trainable_variables])

    unknown = tf.function(
        output_and_gradients, input_signature=[tf.TensorSpec((None, None, None, 4), dtype)]
    )
    (y, gradients), (y_unknown, gradients_unknown) = output_and_gradients(x), unknown(x)
    assert y.dtype == y_unknown.dtype == dtype
    for ours, other in zip([y, *gradients], [y_unknown, *gradients_unknown]):
        difference = tf.abs(tf.cast(ours, tf.float32) - tf.cast(other, tf.float32))
        assert tf.reduce_max(difference) < limit * tf.reduce_max(tf.abs(tf.cast(other, tf.float32)))


def test_instance_norm_keeps_pictures_apart():
    x = noise(3, 6, 6, 2)
    layer = InstanceNormalization()
    np.testing.assert_allclose(layer(x)[1:2], layer(x[1:2]), atol=1e-6)


def spectral(filters=5, seed=0, **kwargs):
    layer = SpectralNormalization(
        tf.keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, **kwargs)
    )
    layer.build((None, None, None, 3))
    layer.layer.kernel.assign(noise(3, 3, 3, filters, seed=seed))
    layer.u.assign(noise(1, filters, seed=seed + 1))
    return layer


def test_spectral_norm_finds_the_largest_singular_value():
    layer, x = spectral(), noise(1, 8, 8, 3)
    for _ in range(200):
        layer(x, training=True)
    matrix = layer.layer.kernel.numpy().reshape(-1, 5)
    _, sigma, _ = layer.power_iteration()
    assert float(sigma) == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[0], rel=1e-4)


def test_spectral_norm_against_tensorflow_addons():
    tfa = pytest.importorskip("tensorflow_addons", reason="TensorFlow Addons has no Keras 3")
    ours, x = spectral(), noise(1, 8, 8, 3)
    theirs = tfa.layers.SpectralNormalization(
        tf.keras.layers.Conv2D(5, 3, padding="same", use_bias=False)
    )
    theirs.build(x.shape)
    theirs.w.assign(ours.layer.kernel)
    theirs.u.assign(ours.u)
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-5)


def test_spectral_norm_keeps_its_kernel_and_moves_u_only_in_training():
    layer, x = spectral(), noise(1, 8, 8, 3)
    kernel, u = layer.layer.kernel.numpy(), layer.u.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.u, u)
    layer(x, training=True)
    assert np.abs(layer.u.numpy() - u).max() > 1e-3
    np.testing.assert_array_equal(layer.layer.kernel, kernel)


def test_spectral_norm_lets_the_gradient_through_sigma():
    """Scaling the kernel can't change the output, so the gradient has no part along it."""
    layer, x = spectral(), noise(1, 8, 8, 3)
    for _ in range(100):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x) * noise(1, 8, 8, 5, seed=3))
    kernel = layer.layer.kernel.numpy()
    gradient = tape.gradient(total, layer.trainable_variables[0]).numpy()
    along = np.sum(gradient * kernel) / np.linalg.norm(gradient) / np.linalg.norm(kernel)
    assert abs(along) < 1e-4


def test_spectral_norm_in_mixed_precision_keeps_sigma_exact():
    exact, mixed, x = spectral(), spectral(dtype="mixed_bfloat16"), noise(1, 8, 8, 3)
    assert mixed(x).dtype == tf.bfloat16
    assert float(mixed.power_iteration()[1]) == float(exact.power_iteration()[1])
    np.testing.assert_allclose(tf.cast(mixed(x), tf.float32), exact(x), atol=0.05)


def test_spectral_norm_refuses_what_it_cannot_normalize():
    with pytest.raises(ValueError, match="without bias"):
        SpectralNormalization(tf.keras.layers.Conv2D(4, 3))
    with pytest.raises(ValueError, match="Conv2D"):
        SpectralNormalization(tf.keras.layers.Dense(4, use_bias=False))


def test_gram_matrix_is_divided_by_all_three_sizes():
    x = noise(2, 3, 4, 5)
    expected = np.einsum("bhwc,bhwd->bcd", x, x) / (3 * 4 * 5)
    np.testing.assert_allclose(GramMatrix()(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ReflectionPadding2D(((0, 1), (0, 1))),
        lambda: LegacyBilinearResize(2.0),
        lambda: InstanceNormalization(1e-6),
        GramMatrix,
        spectral,
    ],
)
def test_config_round_trip_and_static_shape(make, tmp_path):
    image = tf.keras.Input((None, None, 3))
    model = tf.keras.Model(image, make()(image))
    model.save(tmp_path / "layer.keras")
    loaded = tf.keras.models.load_model(tmp_path / "layer.keras")
    x = noise(2, 8, 8, 3)
    output = model(x)
    np.testing.assert_array_equal(loaded(x), output)
    assert loaded.output_shape[-1] == output.shape[-1]
    for known, actual in zip(make().compute_output_shape((2, 8, 8, 3)), output.shape):
        assert known == actual
