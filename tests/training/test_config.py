import dataclasses
import json

import pytest

from animegan_tf.errors import UserError
from animegan_tf.networks.generator import MAX_WIDTH
from animegan_tf.training.config import LossWeights, TrainConfig, read_config, settings
from animegan_tf.training.recipes import PRESETS, resolve_config


def test_defaults_are_the_papers():
    config = TrainConfig()
    weights = config.loss_weights
    assert (
        weights.generator_adversarial_weight,
        weights.discriminator_adversarial_weight,
        weights.content_weight,
        weights.gray_style_weight,
        weights.color_weight,
        weights.edge_adversarial_weight,
    ) == (300, 300, 1.5, 3, 10, 0.1)
    assert (
        config.batch_size,
        config.epochs,
        config.init_epochs,
        config.image_size,
        config.width,
    ) == (4, 100, 1, 256, 64)
    assert (
        config.init_learning_rate,
        config.generator_learning_rate,
        config.discriminator_learning_rate,
    ) == (1e-4, 8e-5, 1.6e-4)


def test_given_flags_win_over_file_over_preset(tmp_path, monkeypatch):
    monkeypatch.setattr("animegan_tf.networks.hed.is_installed", lambda: False)
    assert resolve_config({"style": "Demo"}).vgg == "random"
    assert resolve_config({"style": "demo", "vgg": "imagenet"}).vgg == "imagenet"
    saved = resolve_config({"style": "paprika", "epochs": 7})
    assert saved.loss_weights.gray_style_weight == PRESETS["paprika"]["gray_style_weight"]
    path = tmp_path / "config.json"
    path.write_text(
        dataclasses.replace(saved, loss_weights=LossWeights(gray_style_weight=2.5)).to_json()
    )
    repeated = resolve_config({"epochs": 9}, path)
    assert (
        repeated.style,
        repeated.loss_weights.gray_style_weight,
        repeated.epochs,
    ) == ("paprika", 2.5, 9)


def test_json_round_trip(tmp_path):
    path = tmp_path / "config.json"
    config = TrainConfig(style="千と千尋", load_size=300, crop=True)
    path.write_text(config.to_json(), encoding="utf-8")
    assert resolve_config({}, path) == config


@pytest.mark.parametrize("style", PRESETS)
def test_presets_are_valid(style):
    assert resolve_config({"style": style}).check() == []


def test_every_setting_has_help():
    assert all(meta["help"] for *_, meta in settings(TrainConfig))


def test_all_wrong_values_are_reported_together():
    with pytest.raises(UserError) as caught:
        resolve_config(
            {
                "batch_size": 0,
                "image_size": 50,
                "precision": "float8",
                "ema_decay": 2.0,
                "epochs": "many",
                "generator_learning_rate": float("nan"),
            }
        )
    wrong = {finding.where for finding in caught.value.findings}
    assert wrong == {
        "--batch_size",
        "--image_size",
        "--precision",
        "--ema_decay",
        "--epochs",
        "--generator_learning_rate",
    }


def test_contradictions():
    with pytest.raises(UserError, match="without --crop"):
        resolve_config({"load_size": 300})
    with pytest.raises(UserError, match="less than --image_size"):
        resolve_config({"load_size": 200, "crop": True})
    with pytest.raises(UserError, match="both are 0"):
        resolve_config({"epochs": 0, "init_epochs": 0})


@pytest.mark.parametrize(
    "given, wrong",
    [
        ({"init_epochs": 0, "init_learning_rate": 1e-3}, "--init_learning_rate: has no effect"),
        ({"epochs": 0, "color_weight": 20.0}, "--color_weight: has no effect"),
        ({"photos": "a", "anime": "b", "data_dir": "c"}, "--data_dir: has no effect"),
    ],
)
def test_settings_that_would_change_nothing_are_refused(given, wrong):
    with pytest.raises(UserError, match=wrong):
        resolve_config({"style": "test", **given})


def test_a_recipe_is_for_any_style_and_gives_way_to_flags():
    own = resolve_config({"style": "mine", "recipe": "short", "width": 48})
    assert (own.recipe, own.width, own.init_epochs, own.data_dir) == ("short", 48, 0, "dataset")
    demo = resolve_config({"style": "demo"})
    assert (demo.recipe, demo.data_dir, demo.epochs) == ("short", "demo/data", own.epochs)
    paper = resolve_config({"style": "demo", "recipe": "paper"})
    assert (paper.width, paper.epochs, paper.data_dir) == (64, 100, "demo/data")


def test_the_short_recipe_takes_the_best_features_that_are_installed(monkeypatch):
    short = {"style": "mine", "recipe": "short"}
    monkeypatch.setattr("animegan_tf.networks.hed.is_installed", lambda: True)
    assert resolve_config(short).vgg == "hed"
    assert resolve_config({**short, "vgg": "imagenet"}).vgg == "imagenet"
    monkeypatch.setattr("animegan_tf.networks.hed.is_installed", lambda: False)
    assert resolve_config(short).vgg == "random"


def test_the_short_recipe_starts_from_photo_where_that_comes_in_this_width(monkeypatch):
    monkeypatch.setattr("animegan_tf.training.recipes.is_shipped", lambda name: name == "photo")
    for width, start in ((None, "photo"), (64, "photo"), (48, None)):
        given = {"style": "mine", "recipe": "short", **({"width": width} if width else {})}
        assert resolve_config(given).start_from == start
    assert resolve_config({"style": "mine"}).start_from is None


def test_a_start_leaves_pre_training_out_unless_it_is_asked_for():
    assert resolve_config({"style": "mine", "start_from": "photo"}).init_epochs == 0
    asked = {"style": "mine", "start_from": "photo", "init_epochs": 2}
    assert resolve_config(asked).init_epochs == 2


@pytest.mark.parametrize(
    "anime, style",
    [
        ("frames/My Film (2020)", "my-film-2020"),
        ("dataset/Hayao/style", "hayao"),
        ("千と千尋", ""),
        (None, ""),
    ],
)
def test_a_style_is_named_after_the_folder_of_its_pictures(anime, style):
    assert resolve_config({"anime": anime}).style == style


def test_config_repeats_into_another_folder_and_refuses_a_recipe(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(TrainConfig(style="a", run_dir="runs/a/1").to_json())
    assert resolve_config({}, path).run_dir is None
    assert resolve_config({"run_dir": "b"}, path).run_dir == "b"
    with pytest.raises(UserError, match="--recipe: has no effect with --config"):
        resolve_config({"recipe": "short"}, path)


def test_a_config_of_an_earlier_version_is_read(tmp_path):
    path = tmp_path / "config.json"
    settings_then = {"generator_adversarial_weight": 250.0, "style": "shinkai", "width": 32}
    path.write_text(json.dumps(settings_then))
    config = resolve_config({}, path)
    assert config.loss_weights.generator_adversarial_weight == 250
    assert (config.style, config.width, config.recipe) == ("shinkai", 32, "paper")


def test_bad_config_files(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(UserError, match="can't be read"):
        read_config(path)
    path.write_text("{")
    with pytest.raises(UserError, match="can't be read"):
        read_config(path)
    path.write_text("[]")
    with pytest.raises(UserError, match="not a JSON object"):
        read_config(path)
    path.write_text(json.dumps({"stile": 1, "epocs": 2}))
    with pytest.raises(UserError) as caught:
        read_config(path)
    assert len(caught.value.findings) == 2


def test_config_json_can_be_read_by_anyone():
    assert json.loads(TrainConfig(vgg="random").to_json())["vgg"] == "random"


def test_a_width_that_no_generator_can_have_is_refused_before_work():
    """And so is a path with a zero byte, which a file can hold, though no command line."""
    with pytest.raises(UserError, match="--width: 514 is more than 512"):
        resolve_config({"style": "x", "width": 514})
    assert resolve_config({"style": "x", "width": MAX_WIDTH}).width == MAX_WIDTH
    with pytest.raises(UserError, match="--data_dir: .* holds a zero byte"):
        resolve_config({"style": "x", "data_dir": "a\0b"})


def test_any_settings_come_back_from_their_file(tmp_path):
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    kinds = {
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63),
        float: st.floats(allow_nan=False),
        str: st.text(st.characters(exclude_categories=["Cs"])),
    }
    every = st.fixed_dictionaries(
        {
            setting.name: kinds[setting.kind] | st.none()
            if setting.optional
            else kinds[setting.kind]
            for setting in settings(TrainConfig)
        }
    )

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(values=every)
    def come_back(values):
        path = tmp_path / "config.json"
        path.write_text(TrainConfig.from_settings(values).to_json(), encoding="utf-8")
        assert read_config(path) == values

    come_back()


def test_only_small_regular_files_are_configurations(tmp_path):
    """A device would be read forever."""
    with pytest.raises(UserError, match=r"can't be read.*not a regular file"):
        read_config("/dev/zero")
    (tmp_path / "large.json").write_text(" " * 1_000_001)
    with pytest.raises(UserError, match=r"can't be read.*the limit is 0.00 GB"):
        read_config(tmp_path / "large.json")


@pytest.mark.parametrize("anime", [9, [], {"a": 1}, 1.5, True])
def test_a_file_whose_anime_is_no_folder_is_refused_by_name(tmp_path, anime):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"style": "", "anime": anime}))
    with pytest.raises(UserError, match="anime|style"):
        resolve_config({}, path)
