"""The tools that made the shipped styles: painted targets, training on pairs, widening."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from project import ROOT

from animegan_tf.data.scenery import draw_photo
from animegan_tf.images import encode_image, to_float
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import load_generator, save_generator


@pytest.fixture(autouse=True)
def tools_on_the_path(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools" / "pairs"), *sys.path])


def test_painted_areas_are_even_and_their_borders_are_inked():
    from paint import paint

    rng = np.random.default_rng(0)
    photo = np.full((48, 64, 3), (90, 80, 70), np.uint8)
    photo[:, 32:] = (190, 200, 220)
    noisy = np.clip(photo + rng.normal(0, 8, photo.shape), 0, 255).astype(np.uint8)
    painted = paint(noisy).astype(int)
    assert painted.shape == photo.shape
    for area in (np.s_[8:40, 4:20], np.s_[8:40, 44:60]):
        assert painted[area].std((0, 1)).max() < noisy[area].astype(int).std((0, 1)).min() / 2
    row = painted[8:40].mean((0, 2))
    assert row[27:33].min() < row[4:20].mean() - 15, "no dark line on the dark side"
    assert abs(row[36:40].mean() - row[44:60].mean()) < 10, "a halo on the bright side"


def test_training_on_pairs_learns_saves_and_goes_on(tmp_path):
    from prepare import photo_pairs
    from train_pairs import Pairs, Trainer, batches

    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    (photos / "a.png").write_bytes(encode_image(draw_photo(rng, 48, 64), "PNG"))
    for name, source, target in photo_pairs(photos, [40], np.copy):
        np.savez(tmp_path / name, source=source, target=target)
    weights = dict.fromkeys(("color", "pixel", "slope", "chroma", "sharpness"), 1.0)
    tf.keras.utils.set_random_seed(0)
    trainer = Trainer(build_generator(4), weights)
    batch = next(batches([Pairs(tmp_path)], [1], 2, 32, seed=0))  # Losses of others differ more.
    totals = []
    for count in range(1, 9):
        losses = trainer.step(*batch, tf.constant(2e-3), tf.constant(float(count)))
        totals.append(sum(float(value) for value in losses.values()))
    assert np.mean(totals[-3:]) < np.mean(totals[:3])
    trainer.save(tmp_path, 8)

    other = Trainer(build_generator(4), weights)
    assert other.restore(tmp_path) == 8
    for a, b in zip(trainer.generator.get_weights(), other.generator.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert load_generator(tmp_path / "generator.keras").count_params() > 0


def test_the_detail_in_targets_fades_out():
    from train_pairs import with_detail

    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    flat = np.full((32, 32, 3), 128, np.uint8)
    assert with_detail(source, flat, 0.4).std() > with_detail(source, flat, 0.1).std() > 0


def test_a_widened_generator_draws_the_same_pictures(tmp_path):
    from widen import widen

    narrow = build_generator(4)
    save_generator(narrow, tmp_path / "narrow.keras")
    photo = to_float(draw_photo(np.random.default_rng(2), 32, 40))[None]
    wide = widen(load_generator(tmp_path / "narrow.keras"))
    np.testing.assert_allclose(wide(photo), narrow(photo), atol=1e-4)


def test_sharpness_tells_a_border_from_a_blurred_one_that_the_sum_of_slopes_does_not():
    from train_pairs import sharpness, slopes

    border = np.repeat(np.where(np.arange(16) < 8, -0.5, 0.5)[None, :, None], 16, 0)[None]
    border = np.repeat(border, 3, -1).astype(np.float32)
    blurred = tf.nn.avg_pool2d(
        tf.pad(border, ((0, 0), (0, 0), (2, 2), (0, 0)), "REFLECT"), (1, 5), 1, "VALID"
    )
    sums = [float(tf.reduce_sum(tf.abs(slopes(x)[0]))) for x in (border, blurred)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-3)
    strengths = [float(tf.reduce_mean(sharpness(x)[0])) for x in (border, blurred)]
    assert strengths[0] > 1.3 * strengths[1]
