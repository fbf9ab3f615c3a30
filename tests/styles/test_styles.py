"""The styles that come with the project, found and described."""

import json

import pytest
import tensorflow as tf

from animegan_tf import build_generator, save_generator, styles
from animegan_tf.errors import UserError

CARD = {
    "name": "sketch",
    "summary": "A style for tests.",
    "license": "CC0-1.0",
    "attribution": "",
    "data": [{"what": "nothing", "license": "CC0-1.0", "source": "nowhere"}],
    "commands": ["animegan train --style sketch"],
    "steps": "none",
    "figures": {"KID": 0.1},
    "faults": ["means nothing"],
    "pairs": [{"before": "a.jpg", "after": "b.jpg", "title": "A hill", "credit": "drawn"}],
}


@pytest.fixture
def sketch(tmp_path, monkeypatch):
    """A shipped style drawn at random; runs are looked for in an empty folder."""
    monkeypatch.setattr(styles, "FOLDER", tmp_path / "styles")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "styles" / "sketch"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps(CARD))
    tf.keras.utils.set_random_seed(1)
    save_generator(build_generator(4), folder / "generator.keras")
    return folder


def finding(function, *arguments, **options):
    with pytest.raises(UserError) as raised:
        function(*arguments, **options)
    (found,) = raised.value.findings
    return found


def test_a_style_is_a_folder_with_a_card(sketch):
    assert styles.shipped() == ["sketch"]
    assert styles.path_of("Sketch") == sketch / "generator.keras"
    card = styles.card_of("sketch")
    assert card.pairs == [styles.Pair("a.jpg", "b.jpg", "A hill", "drawn")]
    assert card.figures == {"KID": 0.1} and card.options == {}


def test_a_file_of_a_style_has_its_card_by_any_path(sketch):
    for path in (
        sketch / "light.keras",
        "styles/sketch/generator.keras",
        "./styles/../styles/sketch/a",
    ):
        assert styles.card_of_file(path) == styles.card_of("sketch")
    assert styles.card_of_file("generator.keras") is None and styles.options_of("a/b.keras") == {}


def test_the_start_of_training_is_shipped_and_no_style(sketch):
    sketch.rename(sketch.with_name(styles.START))
    assert styles.shipped() == []
    assert styles.is_shipped(styles.START)
    assert styles.path_of(styles.START).name == "generator.keras"


def test_an_unknown_style_is_answered_with_those_that_exist(sketch):
    assert "These do: sketch" in finding(styles.path_of, "shinkai").remedy
    found = finding(styles.find_style, "shinkai")
    assert found.where == "--style=shinkai"
    assert "runs/shinkai" in found.reason and "these do: sketch" in found.reason


def test_a_missing_light_generator_is_said(sketch):
    assert "no light generator" in finding(styles.path_of, "sketch", light=True).reason
    save_generator(build_generator(4), sketch / "light.keras")
    assert styles.path_of("sketch", light=True).name == "light.keras"


def test_a_run_comes_before_the_shipped_style_of_its_name(sketch, tmp_path):
    path, note = styles.find_style("sketch")
    assert path == sketch / "generator.keras" and "comes with the project" in note
    (tmp_path / "runs" / "sketch" / "1").mkdir(parents=True)
    (tmp_path / "runs" / "sketch" / "2").mkdir()
    assert styles.find_style("sketch")[0] == path  # Neither run is finished.
    (tmp_path / "runs" / "sketch" / "1" / "generator.keras").touch()
    path, note = styles.find_style("sketch")
    assert str(path) == "runs/sketch/1/generator.keras"
    assert "trained here: runs/sketch/1 (not the style" in note
