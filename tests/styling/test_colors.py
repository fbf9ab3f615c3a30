"""Colors and light fitted to the photo's."""

import json

import numpy as np
import pytest

from animegan_tf import styles
from animegan_tf.data.scenery import draw_photo
from animegan_tf.opencv import cv2
from animegan_tf.styling import colors
from animegan_tf.styling.colors import fit_colors
from animegan_tf.styling.stylizer import Stylizer


@pytest.fixture(scope="module")
def photo():
    return draw_photo(np.random.default_rng(3), 64, 80)


def lab(picture):
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def test_a_tint_and_a_loss_of_contrast_are_undone(photo):
    pale = np.clip(128 + 0.5 * (photo.astype(float) - 128) + (30, 0, -25), 0, 255).astype(np.uint8)
    fitted, wanted = lab(fit_colors(photo, pale)), lab(fit_colors(photo, photo))
    assert np.abs(fitted - wanted).mean() < 0.25 * np.abs(lab(pale) - wanted).mean()


def test_the_colors_keep_their_hue_and_become_livelier(photo):
    fitted, own = lab(fit_colors(photo, photo))[..., 1:], lab(photo)[..., 1:]
    assert np.corrcoef(fitted.ravel(), own.ravel())[0, 1] > 0.97
    assert 1.05 < fitted.std() / own.std() < 1.35


def test_a_dark_photo_gives_light_and_contrast_well_exposed(photo):
    dark = (photo * 0.4).astype(np.uint8)
    fitted = lab(fit_colors(dark, photo))[..., 0]
    assert lab(dark)[..., 0].mean() + 5 < fitted.mean() < lab(photo)[..., 0].mean()
    assert lab(dark)[..., 0].std() < fitted.std()


def test_the_map_is_the_same_for_all_pixels_and_steady_in_light(photo):
    ramp = np.linspace(0, 255, 48 * 48).astype(np.uint8).reshape(48, 48, 1).repeat(3, 2)
    fitted = fit_colors(ramp, ramp).reshape(-1, 3).astype(int)
    assert (np.diff(fitted, axis=0) >= 0).all()
    assert fitted.min() < 20 and fitted.max() > 245


def test_a_picture_without_color_gets_none():
    gray = np.linspace(20, 220, 48 * 48).reshape(48, 48, 1).repeat(3, 2).astype(np.uint8)
    assert np.abs(lab(fit_colors(gray, gray))[..., 1:]).max() < 1.5


def test_large_pictures_are_measured_on_reduced_copies(photo, monkeypatch):
    whole = fit_colors(photo, photo)
    monkeypatch.setattr(colors, "_MEASURED_SIDE", 40)
    assert np.abs(fit_colors(photo, photo).astype(int) - whole).mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_tiny_and_flat_pictures_are_taken(size):
    flat = np.full((*size, 3), 90, np.uint8)
    assert fit_colors(flat, flat).shape == flat.shape


def test_a_shipped_style_fits_colors_unless_told_otherwise(generator_file, tmp_path, monkeypatch):
    photo = draw_photo(np.random.default_rng(4), 24, 24)
    folder = tmp_path / "styles" / "mine"
    folder.mkdir(parents=True)
    (folder / "generator.keras").write_bytes(generator_file.read_bytes())
    card = dict.fromkeys(("name", "summary", "license", "attribution", "steps"), "mine")
    card |= {"data": [], "commands": [], "figures": {}, "faults": []}
    (folder / "card.json").write_text(json.dumps({**card, "options": {"fit_colors": True}}))
    monkeypatch.setattr(styles, "FOLDER", folder.parent)
    plain = Stylizer.load(generator_file)(photo)
    style = Stylizer.load("mine")
    np.testing.assert_array_equal(style(photo), fit_colors(photo, plain))
    np.testing.assert_array_equal(style(photo, fit_colors=False), plain)
