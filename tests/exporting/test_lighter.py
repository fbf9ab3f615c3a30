import numpy as np
import tensorflow as tf

from animegan_tf import build_generator
from animegan_tf.exporting import lighter


def test_lighter_generators_are_compared_with_the_full_one(generator, reference, photos):
    tf.keras.utils.set_random_seed(0)
    small = build_generator(4)
    full, light = lighter.compare({"full": generator, "light": small}, reference, photos)
    assert (full.model, full.width, full.psnr_db, full.mean_error) == ("full", 8, "the same", 0)
    assert (light.model, light.width) == ("light", 4)
    assert light.parameters == sum(int(np.prod(v.shape)) for v in small.trainable_variables)
    assert light.parameters < full.parameters and light.flops < full.flops
    assert light.file_bytes < full.file_bytes
    assert light.psnr_db < 30 and light.mean_error > 0.01
