"""What runs a network: Keras's generator, a SavedModel, or TFLite's interpreter.

All of them take and give uint8 RGB (B, H, W, 3) of a size that the network takes; `Stylizer`
mirrors pictures up to it.
"""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from animegan_tf import images
from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.frozen import constant_network
from animegan_tf.networks.generator import WIDTH, width_of
from animegan_tf.styling.tiles import BYTES_PER_PIXEL, TiledGenerator

_NEEDS_PICTURES = "Give a generator.keras, or export the network again"


class Runtime(Protocol):
    """What `Stylizer` needs to know of a network.

    Attributes:
        kind: what messages call it.
        size: height and width of the only pictures that it takes; None: any.
        bytes_per_pixel: working memory for each pixel of its input.
    """

    kind: str
    size: tuple[int, int] | None
    bytes_per_pixel: float

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Stylizes uint8 RGB (B, H, W, 3) as a whole."""


class KerasRuntime:
    """Runs a generator as `build_generator` makes it; the only runtime that works in tiles."""

    kind = "the generator"

    def __init__(self, generator: tf.keras.Model):
        self.size: tuple[int, int] | None = None
        self.bytes_per_pixel = BYTES_PER_PIXEL * width_of(generator) / WIDTH
        self._generator = generator
        self._tiled: TiledGenerator | None = None
        self._lock = threading.Lock()
        # A GPU gains from batches. A CPU doesn't, and one picture at a time has a faster form.
        self._one_by_one = not tf.config.list_logical_devices("GPU")
        count = 1 if self._one_by_one else None
        self._run = tf.function(
            constant_network(generator, batch_of_one=self._one_by_one),
            autograph=False,
            input_signature=[tf.TensorSpec((count, None, None, 3))],
        )

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        batches = np.split(batch, len(batch)) if self._one_by_one else [batch]
        return np.concatenate(
            [_to_uint8(self._run(images.to_float(photos)).numpy(), self.kind) for photos in batches]
        )

    def in_tiles(
        self, picture: np.ndarray, tile: int, *, short_steps: bool, features_in_memory: bool
    ) -> np.ndarray:
        """Stylizes one picture, uint8 RGB (H, W, 3), as `TiledGenerator` does."""
        with self._lock:  # Also because two large pictures at once would pass the memory limit.
            if self._tiled is None:
                self._tiled = TiledGenerator(self._generator)
            return self._tiled(
                picture, tile, short_steps=short_steps, features_in_memory=features_in_memory
            )


class SavedModelRuntime:
    """Runs the signature of a SavedModel that takes and gives pictures, float32 or uint8.

    Raises:
        UserError: not a SavedModel, or none of its signatures does that.
    """

    bytes_per_pixel: float = BYTES_PER_PIXEL

    def __init__(self, folder: str | os.PathLike):
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
                    _NEEDS_PICTURES,
                )
            )
        self._signature = usable[0]
        ((self._input, self._spec),) = usable[0].structured_input_signature[1].items()
        height, width = self._spec.shape[1:3]
        self.size = None if None in (height, width) else (height, width)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
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


class TFLiteRuntime:
    """Runs a TFLite file with one picture in and one out: float32, quantized, or plain uint8.

    Raises:
        UserError: not a TFLite file, or one of another network.
    """

    bytes_per_pixel: float = BYTES_PER_PIXEL

    def __init__(self, path: Path):
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
                    _NEEDS_PICTURES,
                )
            )
        height, width = (int(side) for side in shapes[0][1:3])
        self.size = None if -1 in (height, width) else (height, width)
        self._lock = threading.Lock()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
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


def _quantized(picture: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
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
            "its export is. Train longer, or export again"
        )
    return images.to_uint8(values)
