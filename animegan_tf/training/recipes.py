"""Where a run's settings come from: the paper, a style's preset, a file, the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animegan_tf.errors import Finding, UserError
from animegan_tf.training.config import TrainConfig, read_config

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "hayao": {},
    "shinkai": {},
    # The authors' advice where Paprika comes out gray with vertical lines.
    "paprika": {"gray_style_weight": 1.2},
    # A few minutes on two cores: a small network, small crops, large steps, a short average. Random
    # features hold content too loosely to pre-train on, so the color loss keeps the picture.
    "demo": {
        "data_dir": "demo/data",
        "vgg": "random",
        "width": 24,
        "image_size": 64,
        "crop": True,
        "load_size": 128,
        "flip": True,
        "init_epochs": 0,
        "epochs": 8,
        "steps_per_epoch": 80,
        "generator_adversarial_weight": 150.0,
        "content_weight": 0.5,
        "color_weight": 1500.0,
        "generator_learning_rate": 1e-3,
        "discriminator_learning_rate": 2e-4,
        "ema_decay": 0.98,
    },
}
"""What a style changes. Weights not named are the paper's."""


def resolve_config(
    explicit: Mapping[str, Any], config_file: str | os.PathLike | None = None
) -> TrainConfig:
    """The configuration of a run: defaults, then preset, then file, then what is given.

    Args:
        explicit: settings that the user gave, by name.
        config_file: a config.json of an earlier run; the preset is then not consulted, since the
            file holds every setting. Its run folder is left out: it is taken.

    Raises:
        UserError: the file is unreadable or has unknown settings, or a value is out of range.
    """
    loaded = read_config(config_file) if config_file else {}
    loaded.pop("run_dir", None)
    given = {**loaded, **explicit}
    style = given.get("style") or name_of_folder(given.get("anime"))
    preset = {} if config_file else PRESETS.get(style.lower(), {})
    config = TrainConfig.from_settings({**preset, **given, "style": style})
    findings = config.check() or _without_effect(explicit, config)
    if findings:
        raise UserError(findings)
    return config


def name_of_folder(folder: str | None) -> str:
    """A style's name after the folder of its pictures; "" where that gives none."""
    if not folder:
        return ""
    path = Path(folder).resolve()
    name = path.parent.name if path.name.lower() == "style" else path.name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.").lower()


def _without_effect(explicit, config):
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
    return [
        Finding(f"--{name}", f"has no effect {idle[name]}", "Leave it out")
        for name in explicit
        if name in idle
    ]
