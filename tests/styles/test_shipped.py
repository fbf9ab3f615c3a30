"""The styles that this copy comes with: each works, is small enough, and has a whole card."""

import numpy as np
import pytest
from style_cards import PAGE, with_cards

from animegan_tf import styles
from animegan_tf.data.scenery import draw_photo
from animegan_tf.images import read_rgb
from animegan_tf.networks.generator import width_of
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.styling.stylizer import Stylizer

ALL = [name for name in (*styles.shipped(), styles.START) if styles.is_shipped(name)]
GENERATORS = [
    pytest.param(name, light, id=f"{name}-{'light' if light else 'full'}")
    for name in ALL
    for light in (False, True)
    if not light or styles.has_light(name)
]


@pytest.mark.parametrize("name, light", GENERATORS)
def test_a_generator_is_small_and_of_the_right_width(name, light):
    path = styles.path_of(name, light=light)
    assert path.stat().st_size <= (2e6 if light else 8e6)
    generator = load_generator(path)
    assert width_of(generator) == (32 if light else 64)
    for array in generator.get_weights():
        assert array.dtype == np.float32 and np.isfinite(array).all()


@pytest.mark.parametrize("name, light", GENERATORS)
def test_a_photo_comes_out_as_another_picture_of_it(name, light):
    photo = draw_photo(np.random.default_rng(4), 64, 96)
    result = Stylizer.load(styles.path_of(name, light=light))(photo)
    assert result.shape == photo.shape
    difference = np.abs(result.astype(int) - photo).mean()
    assert 1 < difference < 90
    correlation = np.corrcoef(result.mean(-1).ravel(), photo.mean(-1).ravel())[0, 1]
    assert correlation > 0.5


@pytest.mark.parametrize("name", styles.shipped())
def test_a_card_says_all_there_is_to_know(name):
    card = styles.card_of(name)
    assert card.name == name
    for text in (card.summary, card.license, card.steps):
        assert len(text) > 5 and "TODO" not in text
    assert card.commands and card.faults and card.figures
    for part in card.data:
        assert all(part[key] for key in ("what", "license", "source"))
    assert len(card.pairs) >= 6
    folder = styles.path_of(name).parent
    for pair in card.pairs:
        before, after = (read_rgb(folder / file) for file in (pair.before, pair.after))
        assert before.shape == after.shape and max(before.shape) <= 512
        assert pair.title and pair.credit


@pytest.mark.parametrize("name", styles.shipped())
def test_pictures_of_a_card_are_no_burden_on_a_clone(name):
    files = list((styles.path_of(name).parent / "pairs").iterdir())
    assert sum(file.stat().st_size for file in files) < 800_000


def test_the_page_shows_the_cards():
    assert with_cards(PAGE.read_text(encoding="utf-8")) == PAGE.read_text("utf-8"), "make docs"
