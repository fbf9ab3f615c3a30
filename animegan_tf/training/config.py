"""What a training run is: every setting, its default, its meaning, and the style presets."""

from __future__ import annotations

import dataclasses
import json
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animegan_tf.errors import Finding, UserError


def _setting(default, help, **extra):
    return field(default=default, metadata={"help": help, **extra})


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms (paper Sect. 3.2 and Sect. 4; equations 5 and 6)."""

    generator_adversarial_weight: float = _setting(
        300.0, "weight of the generator's adversarial loss; more takes on the style's hue", min=0
    )
    discriminator_adversarial_weight: float = _setting(
        300.0, "weight of the discriminator's whole loss", min=0
    )
    content_weight: float = _setting(
        1.5, "weight of the content loss; more stays closer to the photo", min=0
    )
    gray_style_weight: float = _setting(
        3.0, "weight of the grayscale style loss; more takes on texture", min=0
    )
    color_weight: float = _setting(
        10.0, "weight of the color reconstruction loss; more keeps the photo's colors", min=0
    )
    generated_weight: float = _setting(
        1.0,
        "weight of generated pictures in the discriminator's loss; raise it when a style "
        "fades late in training",
        min=0,
    )
    gray_adversarial_weight: float = _setting(
        1.0,
        "weight of the grayscale adversarial loss in the discriminator's loss; 0 leaves "
        "colors poorer",
        min=0,
    )
    edge_adversarial_weight: float = _setting(
        0.1,
        "weight of the edge-promoting adversarial loss in the discriminator's loss; more "
        "draws sharper edges",
        min=0,
    )


@dataclass(frozen=True)
class TrainConfig(LossWeights):
    """One training run. Saved as config.json in the run folder; `--config` repeats it."""

    style: str = _setting(
        "shinkai",
        "name of the style: a folder of --data_dir, in any case, or "
        "'demo' for the data set that the project draws itself",
    )
    data_dir: str = _setting(
        "dataset",
        "folder with train_photo/, <Style>/style/, and optionally <Style>/smooth/ and val/",
    )
    photos: str | None = _setting(None, "folder of photos, instead of --data_dir's train_photo/")
    anime: str | None = _setting(
        None, "folder of anime pictures, instead of --data_dir's <Style>/style/"
    )
    val: str | None = _setting(None, "folder of validation photos, instead of --data_dir's val/")
    cache_dir: str | None = _setting(
        None, "folder for edge-smoothed pictures; default: edges/ beside the runs of the style"
    )
    skip_bad_images: bool = _setting(False, "train without the pictures that the check refuses")

    image_size: int = _setting(
        256, "height and width of training pictures, in pixels", min=32, multiple=4
    )
    crop: bool = _setting(False, "train on random crops instead of whole pictures resized")
    load_size: int | None = _setting(
        None,
        "with --crop: short side of a picture before it is cropped, in pixels; default: "
        "9/8 of --image_size",
        min=32,
    )
    flip: bool = _setting(False, "mirror pictures at random")

    epochs: int = _setting(100, "epochs of adversarial training, after --init_epochs", min=0)
    init_epochs: int = _setting(
        1, "epochs that pre-train the generator on the content loss alone", min=0
    )
    steps_per_epoch: int | None = _setting(
        None, "steps of one epoch; default: the larger set's pictures / --batch_size", min=1
    )
    batch_size: int = _setting(4, "pictures of each kind in a step, on all devices together", min=1)
    init_learning_rate: float = _setting(1e-4, "generator's learning rate in pre-training", min=0)
    generator_learning_rate: float = _setting(8e-5, "generator's learning rate", min=0)
    discriminator_learning_rate: float = _setting(1.6e-4, "discriminator's learning rate", min=0)
    ema_decay: float = _setting(
        0.999,
        "decay of the generator's exponential moving average, from which samples and "
        "generator.keras are made; 0 turns averaging off",
        min=0,
        max=1,
    )

    width: int = _setting(
        64, "channels of the first convolution; 64 is the paper's network", min=4, multiple=2
    )
    vgg: str = _setting(
        "imagenet",
        "VGG19 weights: 'imagenet', 'random' or a file (.h5, "
        ".weights.h5, or the authors' vgg19.npy)",
    )
    precision: str = _setting(
        "float32",
        "arithmetic of the convolutions; losses and norms stay in float32",
        choices=("float32", "mixed_bfloat16"),
    )
    xla: bool = _setting(False, "compile the training step with XLA (for GPUs)")
    device: str = _setting("auto", "'auto', 'cpu', 'gpu' or 'gpu:N'")
    strategy: str = _setting(
        "none",
        "train on one device ('none'), on all GPUs of the machine ('mirrored'), or on "
        "several machines that TF_CONFIG names ('multiworker'); the results are those of one "
        "device",
        choices=("none", "mirrored", "multiworker"),
    )
    seed: int = _setting(0, "seed of initial weights, shuffling, crops and flips", min=0)

    run_dir: str | None = _setting(
        None, "folder of the run; default: the next free runs/<style>/<n>"
    )
    save_every: int | None = _setting(None, "steps between checkpoints; default: one epoch", min=1)
    keep_checkpoints: int = _setting(2, "newest checkpoints to keep", min=1)
    keep_generator_every: int = _setting(
        10,
        "epochs between generators kept as generators/epoch_NNN.keras, to choose from; 0 "
        "keeps none",
        min=0,
    )
    log_every: int = _setting(10, "steps between rows of metrics.csv and TensorBoard", min=1)
    sample_count: int = _setting(6, "validation photos in a sample grid", min=1)

    def check(self) -> list[Finding]:
        """What is wrong with the values, each on its own: type, range, choice."""
        findings = []
        for name, kind, optional, meta in settings(type(self)):
            value = getattr(self, name)
            if value is None and optional:
                continue
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            wrong = None
            if type(value) is not kind:
                wrong = f"{value!r} is not of type {kind.__name__}"
            elif "choices" in meta and value not in meta["choices"]:
                wrong = f"{value!r} is not one of {', '.join(meta['choices'])}"
            elif "min" in meta and not value >= meta["min"]:
                wrong = f"{value} is less than {meta['min']}"
            elif "max" in meta and not value <= meta["max"]:
                wrong = f"{value} is more than {meta['max']}"
            elif "multiple" in meta and value % meta["multiple"]:
                wrong = f"{value} is not a multiple of {meta['multiple']}"
            if wrong:
                findings.append(Finding(f"--{name}", wrong, meta["help"].capitalize()))
        if not findings and self.epochs + self.init_epochs == 0:
            findings.append(Finding("--epochs, --init_epochs", "both are 0", "Train at least one"))
        if not findings and self.load_size is not None:
            if not self.crop:
                findings.append(
                    Finding(
                        "--load_size", "has no effect without --crop", "Add --crop, or leave it out"
                    )
                )
            elif self.load_size < self.image_size:
                findings.append(
                    Finding(
                        "--load_size",
                        f"{self.load_size} is less than --image_size {self.image_size}",
                        "Make it larger",
                    )
                )
        return findings

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


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


def settings(config_class):
    """Yields (name, type, may be None, metadata) of each field of a config class."""
    hints = typing.get_type_hints(config_class)
    for entry in dataclasses.fields(config_class):
        alternatives = typing.get_args(hints[entry.name])
        kind = alternatives[0] if alternatives else hints[entry.name]
        yield entry.name, kind, bool(alternatives), entry.metadata


def resolve_config(
    explicit: Mapping[str, Any], config_file: str | os.PathLike | None = None
) -> TrainConfig:
    """The configuration of a run: defaults, then preset, then file, then what is given.

    Args:
        explicit: settings that the user gave, by name.
        config_file: a config.json of an earlier run; the preset is then not consulted, since the
            file holds every setting.

    Raises:
        UserError: the file is unreadable or has unknown settings, or a value is out of range.
    """
    loaded = read_config(config_file) if config_file else {}
    style = explicit.get("style", loaded.get("style", TrainConfig.style))
    preset = {} if config_file else PRESETS.get(style.lower(), {})
    config = TrainConfig(**{**preset, **loaded, **explicit})
    findings = config.check()
    if findings:
        raise UserError(findings)
    return config


def read_config(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a config.json into a dictionary of settings.

    Raises:
        UserError: unreadable, not JSON, or settings that this version doesn't know.
    """
    remedy = "Give the config.json of a training run"
    try:
        loaded = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(Finding(str(path), f"can't be read ({error})", remedy)) from error
    if not isinstance(loaded, dict):
        raise UserError(Finding(str(path), "is not a JSON object", remedy))
    known = {name for name, *_ in settings(TrainConfig)}
    unknown = [
        Finding(f"{path}: {name}", "no such setting", "Remove it")
        for name in loaded
        if name not in known
    ]
    if unknown:
        raise UserError(unknown)
    return loaded
