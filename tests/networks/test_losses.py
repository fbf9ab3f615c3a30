import numpy as np
import pytest

from animegan_tf.networks import losses


def noise(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(np.float32)


def test_content_is_the_mean_absolute_difference():
    a, b = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1)
    assert float(losses.content_loss(a, b)) == pytest.approx(np.abs(a - b).mean(), rel=1e-5)


def test_gray_style_compares_gram_matrices_and_not_places():
    a, b = noise(2, 3, 4, 5), noise(2, 6, 4, 5, seed=1)
    grams = [np.einsum("bhwc,bhwd->bcd", x, x) / np.prod(x.shape[1:]) for x in (a, b)]
    assert float(losses.gray_style_loss(a, b)) == pytest.approx(
        np.abs(grams[0] - grams[1]).mean(), rel=1e-5
    )
    assert float(losses.gray_style_loss(a, a[:, ::-1, ::-1])) < 1e-6


def test_color_is_l1_on_luminance_and_huber_on_chrominance():
    photo, generated = noise(2, 4, 4, 3), noise(2, 4, 4, 3, seed=1)
    matrix = np.array(
        [
            [0.299, -0.14714119, 0.61497538],
            [0.587, -0.28886916, -0.51496512],
            [0.114, 0.43601035, -0.10001026],
        ]
    )
    difference = (photo - generated) / 2 @ matrix
    expected = (
        np.abs(difference[..., 0]).mean() + 0.5 * (difference[..., 1:] ** 2).mean((0, 1, 2)).sum()
    )
    assert float(losses.color_loss(photo, generated)) == pytest.approx(expected, rel=1e-4)


def test_adversarial_terms_pull_the_right_way():
    real, fake = np.ones((2, 4, 4, 1), np.float32), np.zeros((2, 4, 4, 1), np.float32)
    assert float(losses.generator_adversarial_loss(real)) == 0
    assert float(losses.generator_adversarial_loss(fake)) == 1
    perfect = losses.discriminator_losses(real, fake, fake, fake)
    assert {name: float(value) for name, value in perfect.items()} == {
        "d_anime": 0,
        "d_generated": 0,
        "d_gray": 0,
        "d_edge_gray": 0,
    }
    for i, name in enumerate(("d_anime", "d_generated", "d_gray", "d_edge_gray")):
        logits = [real, fake, fake, fake]
        logits[i] = 1 - logits[i]
        terms = losses.discriminator_losses(*logits)
        assert {n: float(v) for n, v in terms.items()} == {**dict.fromkeys(terms, 0), name: 1}
