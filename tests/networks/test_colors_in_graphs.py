"""The map of colors inside a graph."""

import numpy as np
import tensorflow as tf

from animegan_tf.data.scenery import draw_photo
from animegan_tf.images import to_float, to_uint8
from animegan_tf.networks.colors import FitColors, with_fitted_colors
from animegan_tf.networks.frozen import constant_network
from animegan_tf.networks.generator import build_generator, width_of
from animegan_tf.styling.colors import fit_colors


def test_the_layer_does_what_styling_does_picture_by_picture():
    rng = np.random.default_rng(0)
    photos = np.stack([draw_photo(rng, 40, 56) for _ in range(3)])
    animes = (0.5 * photos[:, ::-1] + (60, 30, 10)).astype(np.uint8)
    fitted = FitColors()([tf.constant(to_float(photos)), tf.constant(to_float(animes))])
    for photo, anime, found in zip(photos, animes, to_uint8(fitted.numpy())):
        assert np.abs(fit_colors(photo, anime).astype(int) - found).max() <= 1


def test_pictures_of_one_color_are_taken():
    flat = tf.fill((1, 8, 8, 3), 0.2)
    assert np.isfinite(FitColors()([flat, -flat])).all()


def test_a_network_ends_with_the_map_and_keeps_its_weights():
    generator = build_generator(4)
    finished = with_fitted_colors(generator)
    photos = tf.constant(to_float(draw_photo(np.random.default_rng(1), 24, 32))[None])
    wanted = FitColors()([photos, generator(photos)])
    assert width_of(finished) == 4
    np.testing.assert_allclose(finished(photos), wanted, atol=1e-5)
    for one in (False, True):
        found = constant_network(finished, batch_of_one=one)(photos)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert [w.shape for w in finished.get_weights()] == [w.shape for w in generator.get_weights()]
