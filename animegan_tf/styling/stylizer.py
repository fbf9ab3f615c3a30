"""Photos to anime, as uint8 arrays: one call, whatever the weights come from.

from animegan_tf import Stylizer
anime = Stylizer.load("hayao.keras")(photo)
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf import styles
from animegan_tf.errors import Finding, UserError
from animegan_tf.memory import available_memory
from animegan_tf.networks.generator import build_generator, width_of
from animegan_tf.networks.loading import Kind, find_model, read_model
from animegan_tf.networks.padding import mirror_up, padded_size
from animegan_tf.styling.effects import apply_effects
from animegan_tf.styling.options import PRECISIONS
from animegan_tf.styling.runtimes import KerasRuntime, Runtime, SavedModelRuntime, TFLiteRuntime
from animegan_tf.styling.tiles import (
    BYTES_PER_PIXEL,
    LONG_STEPS_BYTES_PER_PIXEL,
    MARGIN,
    MAX_TILE,
    MIN_TILE,
    SHORT_STEPS_BYTES_PER_PIXEL,
)

OWN_MEMORY = 700_000_000
"""Bytes that TensorFlow, the weights, and the traced graphs take (measured)."""


class Stylizer:
    """Turns photos into anime pictures of the same size.

    Calls from several threads are safe.

    Args:
        network: a generator as `build_generator` makes it, or a `Runtime`; `Stylizer.load` reads
            one from a file.
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
        network: tf.keras.Model | Runtime,
        *,
        memory_limit: float | None = None,
        tile: int | None = None,
    ):
        is_keras = isinstance(network, tf.keras.Model)
        self._runtime: Runtime = KerasRuntime(network) if is_keras else network
        if tile is not None and (tile < MIN_TILE or tile % 4):
            raise ValueError(f"tile must be a multiple of 4 from {MIN_TILE}, not {tile}")
        if tile is not None and not isinstance(self._runtime, KerasRuntime):
            raise ValueError(
                f"{self._runtime.kind} can't be run in tiles: the statistics of its norms "
                "are inside. Give the generator.keras"
            )
        limit = available_memory() / 2 if memory_limit is None else memory_limit
        self.memory_limit = min(limit, sys.maxsize)
        if not self.memory_limit > OWN_MEMORY:  # Nor is NaN.
            raise ValueError(
                f"memory_limit must be above {OWN_MEMORY / 1e9} GB, which TensorFlow "
                f"takes for itself; {self.memory_limit / 1e9:.2f} GB is too little"
            )
        self._tile = tile
        self._fits_colors = False

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
            source: the name of a style that was trained here or comes with the project, such as
                "cel", unless a file or folder has that name; `generator.keras`; a run folder; a
                training checkpoint (its folder, prefix, or one of its files; the averaged
                weights); a SavedModel, or the folder of its versions; a `.tflite` file; the
                folder of an export; a checkpoint of the authors' code; or a Keras model.
            precision: "float32" or "bfloat16"; the latter not for SavedModel and TFLite, whose
                precision is chosen at export.
            memory_limit, tile: see the class.

        Raises:
            UserError: missing, damaged, or another kind of file; says what was expected and found.
            ValueError: as the class.
        """
        source = source if isinstance(source, tf.keras.Model) else _path_of(source)
        stylizer = cls(_load_runtime(source, precision), memory_limit=memory_limit, tile=tile)
        if not isinstance(source, tf.keras.Model):
            stylizer._fits_colors = bool(styles.options_of(source).get("fit_colors"))
        return stylizer

    def __call__(
        self,
        pictures: np.ndarray,
        *,
        strength: float = 1.0,
        keep_color: bool = False,
        match_brightness: bool = False,
        match_color: bool = False,
        fit_colors: bool | None = None,
    ) -> np.ndarray:
        """Stylizes a photo or a batch of photos of one size.

        Args:
            pictures: uint8 RGB, (H, W, 3) or (B, H, W, 3), any H and W from 1.
            strength: 1 is the network's result, 0 the photo, between them a blend.
            keep_color: the photo's chroma with the result's luminance (YCbCr).
            match_brightness: the result as bright as the photo, as the authors' option.
            match_color: the result with the photo's mean chroma, so that a warm photo stays warm.
            fit_colors: the result with the photo's colors and light, fitted by one map for the
                whole picture and made livelier. None: if the style's card says so.

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
        batch = pictures[None] if pictures.ndim == 3 else pictures
        if not len(batch):
            return pictures.copy()
        animes = [
            apply_effects(
                photo,
                anime,
                strength=strength,
                keep_color=keep_color,
                match_brightness=match_brightness,
                match_color=match_color,
                fit_colors=self._fits_colors if fit_colors is None else fit_colors,
            )
            for photo, anime in zip(batch, self._stylize(batch))
        ]
        return animes[0] if pictures.ndim == 3 else np.stack(animes)

    @property
    def picture_memory(self) -> float:
        """Bytes of `memory_limit` that are left for decoding a picture."""
        return self.memory_limit - OWN_MEMORY

    def tile_for(self, height: int, width: int) -> int | None:
        """The side of the tiles in which a picture of this size is done; None: as a whole.

        Raises:
            ValueError: too large for this network and `memory_limit`; says what to do.
        """
        return self._plan(*self._padded_size(height, width)).tile

    def _stylize(self, batch):
        _, height, width, _ = batch.shape
        target = self._padded_size(height, width)
        batch = mirror_up(batch, target)
        plan = self._plan(*target)
        if plan.tile:
            anime = np.stack(
                [
                    self._runtime.in_tiles(
                        photo,
                        plan.tile,
                        short_steps=plan.short_steps,
                        features_in_memory=plan.features_in_memory,
                    )
                    for photo in batch
                ]
            )
        else:
            anime = np.concatenate(
                [
                    self._runtime(batch[start : start + plan.batch_size])
                    for start in range(0, len(batch), plan.batch_size)
                ]
            )
        return anime[:, :height, :width]

    def _padded_size(self, height, width):
        """A size that the network takes."""
        size = self._runtime.size
        if size is None:
            return padded_size(height, width)
        if height > size[0] or width > size[1]:
            raise ValueError(
                f"{self._runtime.kind} takes {size[1]}x{size[0]} pixels at most, the picture has "
                f"{width}x{height}. Use --max_side, export for any size, or give the "
                "generator.keras"
            )
        return size

    def _plan(self, height, width):
        pixels = height * width
        memory = self.memory_limit - OWN_MEMORY - 6 * pixels  # Photo and result, uint8.
        each = self._runtime.bytes_per_pixel
        if self._tile is None and each * pixels <= memory:
            return _Plan(batch_size=int(memory / (each * pixels)))
        if not isinstance(self._runtime, KerasRuntime):
            raise ValueError(
                f"{width}x{height} pixels take about {(each * pixels - memory) / 1e9:.1f} GB more "
                f"than the memory limit, and {self._runtime.kind} can't be run in tiles. Raise "
                "--memory_limit, use --max_side, or give the generator.keras"
            )

        def side(kept):
            """Of the largest tile that fits beside feature maps of so many bytes a pixel."""
            room = memory - kept * each / BYTES_PER_PIXEL * pixels
            return int((max(room, 0) / each) ** 0.5 - 2 * MARGIN) // 4 * 4

        if side(SHORT_STEPS_BYTES_PER_PIXEL) >= (self._tile or 2 * MIN_TILE):
            short_steps, in_memory, kept = True, True, SHORT_STEPS_BYTES_PER_PIXEL
        elif side(LONG_STEPS_BYTES_PER_PIXEL) >= (self._tile or MIN_TILE):
            short_steps, in_memory, kept = False, True, LONG_STEPS_BYTES_PER_PIXEL
        else:
            short_steps, in_memory, kept = False, False, 0
        tile = self._tile or min(MAX_TILE, max(MIN_TILE, side(kept)))
        return _Plan(tile, short_steps, in_memory)


class _Plan(NamedTuple):
    """How a picture is done: as a whole (no tile) or as `TiledGenerator` says."""

    tile: int | None = None
    short_steps: bool = True
    features_in_memory: bool = True
    batch_size: int = 1


def _load_runtime(source: str | os.PathLike | tf.keras.Model, precision: str) -> Runtime:
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision}")
    dtype = PRECISIONS[precision]
    if isinstance(source, tf.keras.Model):
        if precision == "float32":
            return KerasRuntime(source)
        generator = build_generator(width_of(source), dtype)
        generator.set_weights(source.get_weights())
        return KerasRuntime(generator)
    model = find_model(source)
    if model.has_weights:
        return KerasRuntime(read_model(model, dtype))
    if precision != "float32":
        raise UserError(
            Finding(
                str(model.path),
                f"--precision={precision} can't change an exported network",
                "Leave it out, or give the generator.keras",
            )
        )
    if model.kind == Kind.SAVED_MODEL:
        return SavedModelRuntime(model.path)
    return TFLiteRuntime(model.path)


def _path_of(source: str | os.PathLike) -> str | os.PathLike:
    """The file that a style's name stands for; anything else is a path."""
    if not isinstance(source, str) or os.path.lexists(source) or os.path.basename(source) != source:
        return source
    try:
        return styles.find_style(source)[0]
    except UserError:  # The prefix of a checkpoint, or nothing.
        return source
