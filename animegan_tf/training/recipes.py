"""Where a run's settings come from: the paper, a recipe, a style's preset, a file, the flags."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks import hed
from animegan_tf.networks.generator import WIDTH
from animegan_tf.networks.perceptual import HED, RANDOM
from animegan_tf.styles import START, is_shipped
from animegan_tf.training.config import TrainConfig, read_config
from animegan_tf.video import is_video

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "hayao": {},
    "shinkai": {},
    # The authors' advice where Paprika comes out gray with vertical lines.
    "paprika": {"gray_style_weight": 1.2},
    "demo": {"data_dir": "demo/data", "recipe": "short"},
}
"""What a style changes. Weights not named are the recipe's."""

SHORT: Mapping[str, Any] = {
    # A small network, small crops, large steps, a short average: a few minutes on two cores.
    "width": 32,
    "image_size": 64,
    "crop": True,
    "load_size": 128,
    "flip": True,
    "epochs": 8,
    "steps_per_epoch": 80,
    "generator_learning_rate": 1e-3,
    "discriminator_learning_rate": 2e-4,
    "ema_decay": 0.98,
    # Features that need no download hold content too loosely to pre-train on, so the color loss
    # keeps the picture.
    "init_epochs": 0,
    "generator_adversarial_weight": 150.0,
    "content_weight": 0.5,
    "color_weight": 1500.0,
}


FROM_START: Mapping[str, Any] = {
    # Who knows how to give a photo back must not forget it: smaller steps, a lighter hand.
    "start_from": START,
    "generator_learning_rate": 3e-4,
    "discriminator_learning_rate": 3e-4,
    "generator_adversarial_weight": 300.0,
    "content_weight": 1.0,
    "color_weight": 150.0,
}
"""What `SHORT` becomes where it can start from the generator that comes with the project."""


def recipe(name: str, width: int | None = None) -> dict[str, Any]:
    """What a recipe changes of the paper's settings.

    Args:
        name: "paper" or "short".
        width: of the networks, if it was given.
    """
    if name == "paper":
        return {}
    settings = {**SHORT, "vgg": HED if hed.is_installed() else RANDOM}
    if is_shipped(START) and width in (None, WIDTH, SHORT["width"]):
        settings.update(FROM_START)
    return settings


def resolve_config(
    explicit: Mapping[str, Any], config_file: str | os.PathLike | None = None
) -> TrainConfig:
    """The configuration of a run: the paper's, then recipe, preset, file, and what is given.

    Args:
        explicit: settings that the user gave, by name.
        config_file: a config.json of an earlier run; recipe and preset are then not consulted,
            since the file holds every setting. Its run folder is left out: it is taken.

    Raises:
        UserError: the file is unreadable or has unknown settings, a value is out of range, or a
            setting was given that would change nothing.
    """
    if config_file:
        base = read_config(config_file)
        base.pop("run_dir", None)
    else:
        preset = PRESETS.get(_style_of(explicit).lower(), {})
        name = explicit.get("recipe", preset.get("recipe", "paper"))
        base = {**recipe(name, explicit.get("width")), **preset}
        if "start_from" in explicit:
            base.setdefault("init_epochs", 0)
    given = {**base, **explicit}
    config = TrainConfig.from_settings({**given, "style": _style_of(given)})
    findings = config.check() or _without_effect(explicit, config, repeats=bool(config_file))
    if findings:
        raise UserError(findings)
    return config


def _style_of(given):
    anime = given.get("anime")
    # A file may have anything there; `TrainConfig` says what is wrong with it.
    return given.get("style") or name_of_folder(anime if isinstance(anime, str) else None)


def name_of_folder(folder: str | None) -> str:
    """A style's name after the folder of its pictures, or the film; "" where that gives none."""
    if not folder:
        return ""
    path = Path(folder).resolve()
    name = path.parent.name if path.name.lower() == "style" else path.name
    if is_video(path):
        name = path.stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.").lower()


def _without_effect(explicit, config, repeats):
    """Findings for settings that were given and would change nothing."""
    idle = {}
    if not config.init_epochs:
        idle["init_learning_rate"] = "without pre-training (--init_epochs 0)"
    if not config.epochs:
        for name in (
            "generator_learning_rate",
            "discriminator_learning_rate",
            "generator_adversarial_weight",
            "discriminator_adversarial_weight",
            "gray_style_weight",
            "color_weight",
            "generated_weight",
            "gray_adversarial_weight",
            "edge_adversarial_weight",
        ):
            idle[name] = "without adversarial training (--epochs 0)"
    if config.photos and config.anime:
        idle["data_dir"] = "with --photos and --anime"
    if repeats:
        idle["recipe"] = "with --config, whose file holds every setting"
    return [
        Finding(f"--{name}", f"has no effect {idle[name]}", "Leave it out")
        for name in explicit
        if name in idle
    ]
