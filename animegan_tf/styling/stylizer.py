"""Photos to anime, as uint8 arrays: one call, whatever the weights come from.

from animegan_tf import Stylizer
anime = Stylizer.load("hayao.keras")(photo)
"""

from __future__ import annotations

import os
import re
import threading
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf import images
from animegan_tf.errors import Finding, UserError
from animegan_tf.memory import available_memory
from animegan_tf.networks.frozen import constant_network
from animegan_tf.networks.generator import WIDTH, build_generator
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.networks.tf1_checkpoint import (
    SCOPE,
    checkpoint_prefix,
    import_generator,
    read_checkpoint,
)
from animegan_tf.opencv import cv2
from animegan_tf.styling.options import PRECISIONS
from animegan_tf.styling.tiles import (
    BYTES_PER_PIXEL,
    LONG_STEPS_BYTES_PER_PIXEL,
    MARGIN,
    MAX_TILE,
    MIN_TILE,
    SHORT_STEPS_BYTES_PER_PIXEL,
    TiledGenerator,
)

_OWN_MEMORY = 700_000_000  # What TensorFlow, the weights and the traced graphs take (measured).
_REMEDY = (
    "Give a generator.keras, a run folder, a training checkpoint, a SavedModel, a .tflite "
    "file, or a checkpoint of the authors' code"
)


class Stylizer:
    """Turns photos into anime pictures of the same size.

    Calls from several threads are safe.

    Args:
        generator: a network as `build_generator` makes it. `Stylizer.load` reads one from a file.
        memory_limit: bytes that the process should stay below. What would not fit as a whole is
            done in tiles that share their InstanceNorm statistics, see `animegan_tf.styling.tiles`.
            None: half of the memory that is free.
        tile: side of the tiles in pixels, a multiple of 4 and at least 64; every picture is then
            done in tiles. None: tiles only where `memory_limit` asks for them.

    Raises:
        ValueError: `tile` or `memory_limit` is out of range.
    """

    def __init__(
        self,
        generator: tf.keras.Model,
        *,
        memory_limit: float | None = None,
        tile: int | None = None,
    ):
        self._set_up(_Generator(generator), memory_limit, tile)

    def _set_up(self, network, memory_limit, tile):
        if tile is not None and (tile < MIN_TILE or tile % 4):
            raise ValueError(f"tile must be a multiple of 4 from {MIN_TILE}, not {tile}")
        if tile is not None and not network.can_tile:
            raise ValueError(
                f"{network.kind} can't be run in tiles: the statistics of its norms "
                "are inside. Give the generator.keras"
            )
        self._network = network
        self._memory_limit = available_memory() / 2 if memory_limit is None else memory_limit
        if self._memory_limit <= _OWN_MEMORY:
            raise ValueError(
                f"memory_limit must be above {_OWN_MEMORY / 1e9} GB, which TensorFlow "
                f"takes for itself; {self._memory_limit / 1e9:.2f} GB is too little"
            )
        self._tile = tile

    @classmethod
    def load(
        cls,
        source: str | os.PathLike | tf.keras.Model,
        *,
        precision: str = "float32",
        memory_limit: float | None = None,
        tile: int | None = None,
    ) -> Stylizer:
        """Reads a network; what kind of file it is, is found from the file itself.

        Args:
            source: `generator.keras`; a run folder; a training checkpoint (its folder, prefix or
                one of its files; the averaged weights); a SavedModel, or the folder of its
                versions; a `.tflite` file; a checkpoint of the authors' code; or a Keras model.
            precision: "float32" or "bfloat16"; the latter not for SavedModel and TFLite, whose
                precision is chosen at export.
            memory_limit, tile: see the class.

        Raises:
            UserError: missing, damaged, or another kind of file; says what was expected and found.
            ValueError: as the class.
        """
        stylizer = cls.__new__(cls)
        stylizer._set_up(_load_network(source, precision), memory_limit, tile)
        return stylizer

    def __call__(
        self,
        pictures: np.ndarray,
        *,
        strength: float = 1.0,
        keep_color: bool = False,
        match_brightness: bool = False,
    ) -> np.ndarray:
        """Stylizes a photo or a batch of photos of one size.

        Args:
            pictures: uint8 RGB, (H, W, 3) or (B, H, W, 3), any H and W from 1.
            strength: 1 is the network's result, 0 the photo, between them a blend.
            keep_color: the photo's chroma with the result's luminance (YCbCr).
            match_brightness: the result as bright as the photo, as the authors' option.

        Returns:
            uint8 RGB of exactly the same shape.

        Raises:
            TypeError, ValueError: not such an array, or too large for this network and
                `memory_limit`; the message says what to do.
        """
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8:
            raise TypeError(f"pictures must be uint8, not {pictures.dtype}")
        if pictures.ndim not in (3, 4) or pictures.shape[-1] != 3 or 0 in pictures.shape[-3:]:
            raise ValueError(f"pictures must be (H, W, 3) or (B, H, W, 3), not {pictures.shape}")
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be from 0 to 1, not {strength}")
        if pictures.ndim == 3:
            (photo,) = batch = pictures[None]
            return self._finish(
                photo, self._stylize(batch)[0], strength, keep_color, match_brightness
            )
        if not len(pictures):
            return pictures.copy()
        return np.stack(
            [
                self._finish(photo, anime, strength, keep_color, match_brightness)
                for photo, anime in zip(pictures, self._stylize(pictures))
            ]
        )

    @staticmethod
    def _finish(photo, anime, strength, keep_color, match_brightness):
        if match_brightness:
            anime = images.match_brightness(photo, anime)
        if keep_color:
            chroma = cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb)
            chroma[..., 0] = cv2.cvtColor(anime, cv2.COLOR_RGB2YCrCb)[..., 0]
            anime = cv2.cvtColor(chroma, cv2.COLOR_YCrCb2RGB)
        if strength < 1:
            anime = cv2.addWeighted(anime, strength, photo, 1 - strength, 0)
        return anime

    def tile_for(self, height: int, width: int) -> int | None:
        """The side of the tiles in which a picture of this size is done; None: as a whole.

        Raises:
            ValueError: too large for this network and `memory_limit`; says what to do.
        """
        return self._plan(*self._padded_size(height, width)).tile

    def _stylize(self, batch):
        _, height, width, _ = batch.shape
        target = self._padded_size(height, width)
        if target != (height, width):
            batch = np.pad(
                batch,
                ((0, 0), (0, target[0] - height), (0, target[1] - width), (0, 0)),
                mode="reflect",
            )
        plan = self._plan(*target)
        if plan.tile:
            anime = np.stack([self._network.in_tiles(photo, plan) for photo in batch])
        else:
            anime = np.concatenate(
                [
                    self._network(batch[start : start + plan.batch_size])
                    for start in range(0, len(batch), plan.batch_size)
                ]
            )
        return anime[:, :height, :width]

    def _padded_size(self, height, width):
        """A size that the network takes; the right and bottom border is mirrored up to it."""
        size = self._network.size
        if size is None:
            return max(8, height + -height % 4), max(8, width + -width % 4)
        if height > size[0] or width > size[1]:
            raise ValueError(
                f"{self._network.kind} takes {size[1]}x{size[0]} pixels at most, the picture has "
                f"{width}x{height}. Use --max_side, export for any size, or give the "
                "generator.keras"
            )
        return size

    def _plan(self, height, width):
        pixels = height * width
        memory = self._memory_limit - _OWN_MEMORY - 6 * pixels  # Photo and result, uint8.
        each = self._network.bytes_per_pixel
        if self._tile is None and each * pixels <= memory:
            return _Plan(batch_size=int(memory / (each * pixels)))
        if not self._network.can_tile:
            raise ValueError(
                f"{width}x{height} pixels take about {(each * pixels - memory) / 1e9:.1f} GB more "
                f"than the memory limit, and {self._network.kind} can't be run in tiles. Raise "
                "--memory_limit, use --max_side, or give the generator.keras"
            )

        def room(bytes_per_pixel):
            """What feature maps leave for the work on a tile."""
            return memory - bytes_per_pixel * each / BYTES_PER_PIXEL * pixels

        def side(room):
            return int((max(room, 0) / each) ** 0.5 - 2 * MARGIN) // 4 * 4

        short_steps = side(room(SHORT_STEPS_BYTES_PER_PIXEL)) >= (self._tile or 2 * MIN_TILE)
        in_memory = short_steps or side(room(LONG_STEPS_BYTES_PER_PIXEL)) >= (
            self._tile or MIN_TILE
        )
        kept = (
            SHORT_STEPS_BYTES_PER_PIXEL
            if short_steps
            else LONG_STEPS_BYTES_PER_PIXEL
            if in_memory
            else 0
        )
        tile = self._tile or min(MAX_TILE, max(MIN_TILE, side(room(kept))))
        return _Plan(tile, short_steps, in_memory)


class _Plan(NamedTuple):
    """How a picture is done: as a whole (no tile) or as `TiledGenerator` says."""

    tile: int | None = None
    short_steps: bool = True
    features_in_memory: bool = True
    batch_size: int = 1


class _Generator:
    """A Keras generator."""

    kind = "the generator"
    can_tile = True
    size = None

    def __init__(self, generator):
        width = generator.get_layer("b1_conv1").filters
        self.bytes_per_pixel = BYTES_PER_PIXEL * width / WIDTH
        self._generator = generator
        self._tiled = None
        self._lock = threading.Lock()
        # A GPU gains from batches. A CPU doesn't, and one picture at a time has a faster form.
        self._one_by_one = not tf.config.list_logical_devices("GPU")
        count = 1 if self._one_by_one else None
        self._run = tf.function(
            constant_network(generator, batch_of_one=self._one_by_one),
            autograph=False,
            input_signature=[tf.TensorSpec((count, None, None, 3))],
        )

    def __call__(self, batch):
        batches = np.split(batch, len(batch)) if self._one_by_one else [batch]
        return np.concatenate(
            [_to_uint8(self._run(images.to_float(photos)).numpy(), self.kind) for photos in batches]
        )

    def in_tiles(self, picture, plan):
        with self._lock:  # Also because two large pictures at once would pass the memory limit.
            if self._tiled is None:
                self._tiled = TiledGenerator(self._generator)
            return self._tiled(
                picture,
                plan.tile,
                short_steps=plan.short_steps,
                features_in_memory=plan.features_in_memory,
            )


class _SavedModel:
    """The signature of a SavedModel that takes and gives pictures, float32 or uint8."""

    can_tile = False
    bytes_per_pixel = BYTES_PER_PIXEL

    def __init__(self, folder):
        self.kind = f"the SavedModel {folder}"
        try:
            self._model = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                Finding(str(folder), f"not a readable SavedModel ({error})", "Export it again")
            ) from error
        signatures = getattr(self._model, "signatures", {})
        usable = [signature for signature in signatures.values() if _takes_pictures(signature)]
        if not usable:
            raise UserError(
                Finding(
                    str(folder),
                    "expected a signature from (B, H, W, 3) to (B, H, W, 3), found "
                    f"{', '.join(sorted(signatures)) or 'none'}",
                    _REMEDY,
                )
            )
        self._signature = usable[0]
        ((self._input, self._spec),) = usable[0].structured_input_signature[1].items()
        size = tuple(self._spec.shape[1:3])
        self.size = None if None in size else size

    def __call__(self, batch):
        if self._spec.shape[0] == 1:
            return np.concatenate([self._call(batch[i : i + 1]) for i in range(len(batch))])
        return self._call(batch)

    def _call(self, batch):
        if self._spec.dtype == tf.float32:
            batch = images.to_float(batch)
        (anime,) = self._signature(**{self._input: tf.constant(batch)}).values()
        anime = anime.numpy()
        return anime if anime.dtype == np.uint8 else _to_uint8(anime, self.kind)


def _takes_pictures(signature):
    inputs = list(signature.structured_input_signature[1].values())
    outputs = list(signature.structured_outputs.values())
    return len(inputs) == len(outputs) == 1 and all(
        spec.shape.rank == 4 and spec.shape[-1] == 3 and spec.dtype in (tf.float32, tf.uint8)
        for spec in inputs + outputs
    )


class _TFLite:
    """A TFLite file with one picture in and one out: float32, quantized, or plain uint8."""

    can_tile = False
    bytes_per_pixel = BYTES_PER_PIXEL

    def __init__(self, path):
        self.kind = f"the TFLite file {path}"
        try:
            with warnings.catch_warnings():  # That it will move to another package one day.
                warnings.filterwarnings("ignore", r"(?s).*tf\.lite\.Interpreter is deprecated")
                self._interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(
                Finding(str(path), f"not a readable TFLite file ({error})", "Export it again")
            ) from error
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        shapes = [list(detail["shape_signature"]) for detail in inputs + outputs]
        if len(shapes) != 2 or any(len(shape) != 4 or shape[-1] != 3 for shape in shapes):
            raise UserError(
                Finding(
                    str(path),
                    "expected one input and one output (1, H, W, 3), found "
                    f"{', '.join(map(str, shapes))}",
                    _REMEDY,
                )
            )
        size = tuple(int(n) for n in shapes[0][1:3])
        self.size = None if -1 in size else size
        self._lock = threading.Lock()

    def __call__(self, batch):
        with self._lock:
            (detail,) = self._interpreter.get_input_details()
            shape = (1, *batch.shape[1:])
            if tuple(detail["shape"]) != shape:
                self._interpreter.resize_tensor_input(detail["index"], shape)
                self._interpreter.allocate_tensors()
            return np.concatenate([self._call(picture[None]) for picture in batch])

    def _call(self, picture):
        (detail,) = self._interpreter.get_input_details()
        self._interpreter.set_tensor(detail["index"], _quantized(picture, detail))
        self._interpreter.invoke()
        (detail,) = self._interpreter.get_output_details()
        anime = self._interpreter.get_tensor(detail["index"])
        scale, zero = detail["quantization"]
        if scale:
            anime = (anime.astype(np.float32) - zero) * scale
        return anime if anime.dtype == np.uint8 else _to_uint8(anime, self.kind)


def _quantized(picture, detail):
    """uint8 pixels as a TFLite input takes them."""
    scale, zero = detail["quantization"]
    if detail["dtype"] == np.uint8 and not scale:
        return picture
    values = images.to_float(picture)
    if scale:
        limits = np.iinfo(detail["dtype"])
        values = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
    return values.astype(detail["dtype"])


def _to_uint8(values, kind):
    if not np.isfinite(values).all():
        raise ValueError(
            f"{kind} gives values that are not numbers: its weights are damaged, or "
            "its export is. Train longer or export again"
        )
    return images.to_uint8(values)


def _load_network(source, precision):
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision}")
    dtype = PRECISIONS[precision]
    if isinstance(source, tf.keras.Model):
        if precision == "float32":
            return _Generator(source)
        generator = build_generator(source.get_layer("b1_conv1").filters, dtype)
        generator.set_weights(source.get_weights())
        return _Generator(generator)
    path, read = find_model(source)
    if read in (_SavedModel, _TFLite):
        if precision != "float32":
            raise UserError(
                Finding(
                    str(path),
                    f"--precision={precision} can't change an exported network",
                    "Leave it out, or give the generator.keras",
                )
            )
        return read(path)
    return _Generator(read(path, dtype))


def find_model(path: str | os.PathLike) -> tuple[Path, Callable]:
    """Finds out what kind of network a path is, from the files themselves.

    Returns:
        The file or folder to read, and what reads it.

    Raises:
        UserError: nothing there, or nothing that is known.
    """
    path = Path(path)
    if os.path.isdir(path):
        return _find_in_folder(path)
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(8)[4:] == b"TFL3":  # First: with metadata it is a zip archive as well.
                return path, _TFLite
        if zipfile.is_zipfile(path):
            return path, load_generator
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
            raise UserError(
                Finding(
                    str(path),
                    "expected a network, found "
                    + (f"a file that begins with {start!r}" if start else "an empty file"),
                    _REMEDY,
                )
            ) from error
    raise UserError(Finding(str(path), "no such file or folder", _REMEDY))


def _find_in_folder(folder):
    if (folder / "saved_model.pb").exists():
        return folder, _SavedModel
    if (folder / "generator.keras").exists():
        return folder / "generator.keras", load_generator
    if (folder / "checkpoint.index").exists():
        return _find_in_checkpoint(folder / "checkpoint")
    versions = [
        version
        for version in folder.iterdir()
        if version.name.isdigit() and (version / "saved_model.pb").exists()
    ]
    if versions:
        return max(versions, key=lambda version: int(version.name)), _SavedModel
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
    names = sorted(entry.name for entry in folder.iterdir())
    raise UserError(
        Finding(
            str(folder),
            "expected generator.keras, saved_model.pb or a checkpoint in this folder, "
            f"found {', '.join(names[:5]) + (' ...' if len(names) > 5 else '') or 'nothing'}",
            _REMEDY,
        )
    )


def _find_in_checkpoint(path):
    prefix = Path(checkpoint_prefix(path))
    names = read_checkpoint(prefix).get_variable_to_shape_map()
    if any(name.startswith(SCOPE) for name in names):
        return prefix, import_generator
    if any(name.startswith(("ema/", "generator/")) and "/.ATTRIBUTES/" in name for name in names):
        return prefix, load_training_checkpoint
    raise UserError(
        Finding(
            str(path),
            "expected a checkpoint of this project or of the authors' code, found one with "
            f"{', '.join(sorted(names)[:3])} ...",
            _REMEDY,
        )
    )


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
        generator = build_generator(widths.pop(), dtype)
        restored = tf.train.Checkpoint(**{part: generator}).read(str(prefix)).expect_partial()
        restored.assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            Finding(
                str(prefix),
                f"its generator doesn't fit ({reason})",
                "A checkpoint is read by the "
                "TensorFlow that wrote it; generator.keras is read by any",
            )
        ) from error
    return generator
