import dataclasses
import json

import pytest

from animegan_tf.errors import UserError
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


def test_given_flags_win_over_file_over_preset(tmp_path):
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
