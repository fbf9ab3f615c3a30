"""What kind of network a path is, and reading those that hold a generator's weights."""

from __future__ import annotations

import enum
import os
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.exported import check_saved_model, check_tflite
from animegan_tf.networks.generator import build_generator, is_width
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.networks.tf1_checkpoint import (
    SCOPE,
    checkpoint_prefix,
    import_generator,
    read_checkpoint,
)

_REMEDY = (
    "Give a generator.keras, a run folder, a training checkpoint, a checkpoint of the authors' "
    "code, a SavedModel, a .tflite file, or a folder of exports"
)


class Kind(enum.Enum):
    """The kinds of files that hold a network; the value is what people call one."""

    KERAS = "a Keras file"
    TRAINING_CHECKPOINT = "a training checkpoint"
    TF1_CHECKPOINT = "a checkpoint of the authors' code"
    SAVED_MODEL = "a SavedModel"
    TFLITE = "a TFLite file"


class ModelFile(NamedTuple):
    """A file or folder that holds a network, or the prefix of a checkpoint, and its kind."""

    path: Path
    kind: Kind

    @property
    def has_weights(self) -> bool:
        """Whether `read_model` can read it; what has been exported can only be run."""
        return self.kind in _READERS


def find_model(path: str | os.PathLike) -> ModelFile:
    """Finds out what kind of network a path is, from the files themselves.

    What has been exported is looked through for operations that could run code or reach files.

    Args:
        path: any of the kinds; the prefix or any file of a checkpoint; a run folder; a folder of
            a SavedModel's versions; the folder of an export.

    Raises:
        UserError: nothing is there, nothing that is known, or nothing that is safe to run.
    """
    try:
        model = _find(Path(path))
    except OSError as error:
        raise UserError(Finding(str(path), error.strerror or str(error), _REMEDY)) from error
    if model.kind is Kind.SAVED_MODEL:
        check_saved_model(model.path)
    elif model.kind is Kind.TFLITE:
        check_tflite(model.path)
    return model


def _find(path: Path) -> ModelFile:
    if path.is_dir():
        return _find_in_folder(path)
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(8)[4:] == b"TFL3":  # First: with metadata it is a zip archive as well.
                return ModelFile(path, Kind.TFLITE)
        if zipfile.is_zipfile(path):
            return ModelFile(path, Kind.KERAS)
    siblings = path.parent.glob("*") if path.parent.is_dir() else ()
    if any(sibling.name.startswith(path.name + ".") for sibling in siblings) or re.search(
        r"\.(index|meta|data-\d{5}-of-\d{5})$", path.name
    ):
        return _find_in_checkpoint(path)
    if path.is_file():
        with open(path, "rb") as file:
            start = file.read(16)
        try:  # TensorFlow 1's older checkpoints are one file, which only its reader knows.
            return _find_in_checkpoint(path)
        except UserError as error:
            found = f"a file that begins with {start!r}" if start else "an empty file"
            raise UserError(
                Finding(str(path), f"expected a network, found {found}", _REMEDY)
            ) from error
    found = "not a file or folder" if path.exists() else "no such file or folder"
    raise UserError(Finding(str(path), found, _REMEDY))


def find_weights(path: str | os.PathLike) -> ModelFile:
    """As `find_model`, but refuses what has been exported, from which no weights can be read.

    Raises:
        UserError: as `find_model`, or an exported network.
    """
    model = find_model(path)
    if not model.has_weights:
        raise UserError(
            Finding(
                str(path),
                "has been exported already",
                "Give the generator.keras or checkpoint that it was made from",
            )
        )
    return model


def read_model(model: ModelFile, dtype: str = "float32") -> tf.keras.Model:
    """Reads the generator from a file that has weights.

    Args:
        model: from `find_weights`.
        dtype: as in `build_generator`.

    Raises:
        UserError: damaged, or another network.
    """
    return _READERS[model.kind](model.path, dtype)


def load_training_checkpoint(prefix: str | os.PathLike, dtype: str = "float32") -> tf.keras.Model:
    """Reads the generator from a checkpoint of `train.py`: the averaged one, if there is one.

    Args:
        prefix: the path up to `.index`.
        dtype: as in `build_generator`.

    Raises:
        UserError: damaged, or written with the other generation of Keras.
    """
    shapes = read_checkpoint(prefix).get_variable_to_shape_map()
    part = "ema" if any(name.startswith("ema/") for name in shapes) else "generator"
    # Only the first convolution has three input channels; its output channels are the width.
    widths = {
        shape[3]
        for name, shape in shapes.items()
        if name.startswith(f"{part}/") and shape[:3] == [3, 3, 3]
    }
    try:
        if len(widths) != 1:
            raise AssertionError("no convolution of a photo in it")
        width = widths.pop()
        if not is_width(width):
            raise AssertionError(f"a width of {width}")
        generator = build_generator(width, dtype)
        restored = tf.train.Checkpoint(**{part: generator}).read(str(prefix)).expect_partial()
        restored.assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            Finding(
                str(prefix),
                f"its generator doesn't fit ({reason})",
                "A checkpoint is read by the TensorFlow that wrote it; generator.keras is read by "
                "any",
            )
        ) from error
    return generator


_READERS = {
    Kind.KERAS: load_generator,
    Kind.TRAINING_CHECKPOINT: load_training_checkpoint,
    Kind.TF1_CHECKPOINT: import_generator,
}


def _find_in_folder(folder):
    if (folder / "saved_model.pb").is_file():
        return ModelFile(folder, Kind.SAVED_MODEL)
    if (folder / "generator.keras").is_file():
        return ModelFile(folder / "generator.keras", Kind.KERAS)
    if (folder / "checkpoint.index").is_file():
        return _find_in_checkpoint(folder / "checkpoint")
    exported = _newest_version(folder) or _newest_version(folder / "savedmodel")
    if exported:
        return ModelFile(exported, Kind.SAVED_MODEL)
    checkpoints = sorted(folder.glob("checkpoints/step_*")) or sorted(folder.glob("step_*"))
    if checkpoints:
        raise UserError(
            Finding(
                str(folder),
                "this run isn't finished: it has no generator.keras yet",
                f"Give its newest checkpoint: {checkpoints[-1]}",
            )
        )
    if (folder / "checkpoint").is_file():
        return _find_in_checkpoint(folder)
    tflite = sorted(folder.glob("*.tflite"))
    if tflite:
        return _choose_tflite(folder, tflite)
    names = sorted(entry.name for entry in folder.iterdir())
    found = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") or "nothing"
    raise UserError(
        Finding(
            str(folder),
            "expected generator.keras, saved_model.pb, a checkpoint, or exports in this folder, "
            f"found {found}",
            _REMEDY,
        )
    )


def _newest_version(folder):
    """Of a folder of a SavedModel's versions, the newest one; None if there is none."""
    versions = [path for path in folder.glob("*/saved_model.pb") if path.parent.name.isdigit()]
    return max((path.parent for path in versions), key=lambda path: int(path.name), default=None)


def _choose_tflite(folder, files):
    """The only TFLite file, or the most exact of those that take any size."""
    if len(files) > 1:
        any_size = [path for path in files if re.search("_any(_uint8_io)?$", path.stem)]
        files = [path for path in any_size if "_float32_" in path.stem] or any_size
    if len(files) != 1:
        raise UserError(
            Finding(
                str(folder),
                "holds several TFLite files, none of them the one to take",
                "Give one of the files",
            )
        )
    return ModelFile(files[0], Kind.TFLITE)


def _find_in_checkpoint(path):
    prefix = Path(checkpoint_prefix(path))
    names = read_checkpoint(prefix).get_variable_to_shape_map()
    if any(name.startswith(SCOPE) for name in names):
        return ModelFile(prefix, Kind.TF1_CHECKPOINT)
    if any(name.startswith(("ema/", "generator/")) and "/.ATTRIBUTES/" in name for name in names):
        return ModelFile(prefix, Kind.TRAINING_CHECKPOINT)
    raise UserError(
        Finding(
            str(path),
            "expected a checkpoint of this project or of the authors' code, found one with "
            f"{', '.join(sorted(names)[:3])} ...",
            _REMEDY,
        )
    )
