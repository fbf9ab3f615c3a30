"""A generator of width 8 that all tests of exports share, and what Keras makes of photos."""

import pytest
import tensorflow as tf

from animegan_tf import build_generator
from animegan_tf.exporting.parity import Reference
from animegan_tf.exporting.photos import drawn_photos, fit


@pytest.fixture(scope="session")
def generator():
    """Random weights are the worst case of int8; fainter pictures make up for it."""
    tf.keras.utils.set_random_seed(0)
    generator = build_generator(8)
    output = generator.get_layer("output_conv")
    output.set_weights([0.2 * output.get_weights()[0]])
    return generator


@pytest.fixture(scope="session")
def reference(generator):
    return Reference(generator)


@pytest.fixture(scope="session")
def photos():
    return [fit(photo, 96, 128) for photo in drawn_photos(2)]
