import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.layers import InstanceNormalization, SpectralNormalization


@pytest.fixture(scope="module")
def discriminator():
    tf.keras.utils.set_random_seed(0)
    return build_discriminator(16)


def picture(seed, height=32, width=24):
    return np.random.RandomState(seed).uniform(-1, 1, (1, height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("size, logits", [((32, 24), (8, 6)), ((33, 30), (8, 7))])
def test_logits_are_a_quarter_of_the_size(discriminator, size, logits):
    output = discriminator(picture(0, *size))
    assert output.shape == (1, *logits, 1) and output.dtype == tf.float32


def test_pictures_of_a_batch_do_not_meet(discriminator):
    together = discriminator(np.concatenate([picture(0), picture(1)]))
    np.testing.assert_allclose(together[1:], discriminator(picture(1)), atol=1e-5)


def test_strided_convolutions_pad_before(discriminator):
    """One row above and one column left: the last row and column have weight nowhere else."""
    pads = [
        layer.padding
        for layer in discriminator.layers
        if isinstance(layer, tf.keras.layers.ZeroPadding2D)
    ]
    assert [tuple(map(tuple, pad)) for pad in pads] == [((1, 0), (1, 0))] * 2


def test_initial_values(discriminator):
    convolutions = [x for x in discriminator.layers if isinstance(x, SpectralNormalization)]
    assert len(convolutions) == 7
    kernels = np.concatenate([np.ravel(layer.layer.kernel) for layer in convolutions])
    assert 0.0195 < kernels.std() < 0.0205 and np.abs(kernels).max() > 0.05
    u = np.concatenate([np.ravel(layer.u) for layer in convolutions])
    assert np.abs(u).max() <= 2 and 0.7 < u.std() < 1.05
    norms = [x for x in discriminator.layers if isinstance(x, InstanceNormalization)]
    assert [norm.epsilon for norm in norms] == [1e-5] * 3


def test_mixed_precision_gives_float32_logits():
    assert build_discriminator(8, "mixed_bfloat16")(picture(0)).dtype == tf.float32
