"""Training batches: {photo, anime, gray, edge_gray}, the same for the same seed and number."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.data.edge_cache import EdgeCache
from animegan_tf.data.find import TrainingFiles
from animegan_tf.data.reading import open_training_picture
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import ImageError, rescale, to_float
from animegan_tf.parallel import ReadAhead

KEYS = ("photo", "anime", "gray", "edge_gray")
"""What a batch holds."""

_FOR_EVER = 2**62

# Part of every random seed: changing them changes what a seed means.
_PHOTO_STREAM, _ANIME_STREAM, _EDGE_STREAM = range(3)
_ORDER, _AUGMENTATION = range(2)


class TrainingData:
    """Streams batches of training pictures.

    Batch k follows from the seed and k alone, so a stream that starts at k equals, bit for bit,
    the rest of one that was not interrupted. There are three independent streams, as in the
    authors' code: photos, anime pictures, and edge-smoothed anime pictures. Each is shuffled anew
    for each pass over its files, and a batch may reach across two passes.

    Only paths are held in memory.

    Args:
        files: from `check_training_files`.
        image_size: side of the pictures that come out.
        batch_size: pictures in a batch.
        seed: not negative.
        crop: False stretches each file to the square, as the authors' data was made; files of
            that size are not touched. True scales the short side to `load_size` and takes a
            random square.
        load_size: only with `crop`; 1.125 * image_size if not given.
        flip: mirrors half of the rows, chosen at random.
        cache_dir: where smoothed pictures are kept from run to run.
        part: (i, n): of each batch only the rows of worker i (from 0) of n, one after another
            the equal parts of the batch. Together they are the batch that one worker would see.

    Raises:
        ValueError: `load_size` is below `image_size`, or the batch has no n equal parts.
    """

    def __init__(
        self,
        files: TrainingFiles,
        *,
        image_size: int,
        batch_size: int,
        seed: int,
        crop: bool = False,
        load_size: int | None = None,
        flip: bool = False,
        cache_dir: str | os.PathLike,
        part: tuple[int, int] = (0, 1),
    ):
        self.files = files
        self.image_size = image_size
        self.batch_size = batch_size
        self.seed = seed
        self.crop = crop
        self.load_size = round(image_size * 1.125) if load_size is None else load_size
        if self.load_size < image_size:
            raise ValueError(f"load_size {self.load_size} is below image_size {image_size}")
        self.flip = flip
        self._scaled_side = self.load_size if crop else image_size
        self._edges = EdgeCache(
            Path(cache_dir),
            self._scale,
            f"short side {self.load_size}" if crop else f"square {image_size}",
            self._scaled_side,
        )
        self._failure: UserError | None = None
        index, count = part
        if batch_size % count:
            raise ValueError(f"batch_size {batch_size} is not a multiple of {count}")
        rows = batch_size // count
        self._own_rows = range(index * rows, (index + 1) * rows)
        # Two passes of three streams: batches that reach across a pass need both.
        self._order = functools.lru_cache(maxsize=6)(self._shuffle)
        self._batches = ReadAhead(self._batch)

    @property
    def steps_per_epoch(self) -> int:
        """max(photos, anime pictures) / batch size, rounded down (the authors'), at least 1."""
        return max(1, max(len(self.files.photos), len(self.files.anime)) // self.batch_size)

    def prepare_edges(self) -> None:
        """Smooths the edges of all anime pictures, as far as `cache_dir` lacks them.

        Damaged files in the cache are made again. Does nothing where `files.smooth` is used.

        Raises:
            UserError: an anime picture cannot be read, or the cache cannot be written.
        """
        if self.files.smooth:
            return
        try:
            self._edges.prepare(self.files.anime)
        except ImageError as error:
            raise UserError(error.finding("Replace or remove it")) from error

    def batches(self, start_step: int = 0, steps: int | None = None) -> Iterator[dict]:
        """The batches of `dataset`, one after another.

        Raises:
            UserError: a file could not be read when its turn came (deleted or overwritten in
                mid-run, say), or the edge cache not be written. TensorFlow alone would give a
                traceback that ends in PyFunc.
        """
        try:
            yield from self.dataset(start_step, steps)
        except tf.errors.OpError as error:
            if self._failure:
                raise self._failure from error
            raise

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches from `start_step` on: `steps` of them, or without end.

        Each is a dict of the `KEYS`, float32 (B, S, S, 3) in [-1, 1], or (B / n, S, S, 3) with
        `part`. `anime` and `gray` of a row are one file, one crop and one flip; `edge_gray` is
        another file. Gray means three equal channels. A file that cannot be read ends the stream
        with an error of TensorFlow's; `batches` makes a `UserError` of it.
        """
        end = _FOR_EVER if steps is None else start_step + steps
        shape = (len(self._own_rows), self.image_size, self.image_size)

        def load(step):
            pixels = tf.numpy_function(
                lambda number: self._read(int(number), end), [step], [tf.uint8] * len(KEYS)
            )
            return {
                key: _to_training_values(tf.ensure_shape(value, (*shape, channels)))
                for key, value, channels in zip(KEYS, pixels, (3, 3, 1, 1))
            }

        # Reading ahead is left to Python's threads: tf.data would decode one batch after another
        # under op determinism, and a thread of its own that waits for Python while the
        # interpreter exits never ends.
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_optimization.apply_default_optimizations = False
        return tf.data.Dataset.range(start_step, end).map(load).with_options(options)

    def batch_files(self, step: int) -> dict[str, list[str]]:
        """The files behind batch number `step`, for each of the `KEYS`."""
        edges = self.files.smooth or self.files.anime
        streams = {
            "photo": (_PHOTO_STREAM, self.files.photos),
            "anime": (_ANIME_STREAM, self.files.anime),
            "gray": (_ANIME_STREAM, self.files.anime),
            "edge_gray": (_EDGE_STREAM, edges),
        }
        return {
            key: [str(self._file(stream, files, position)) for position in self._rows(step)]
            for key, (stream, files) in streams.items()
        }

    def _read(self, step, end):
        try:
            return self._batches(step, end)
        except ImageError as error:
            self._failure = UserError(
                Finding(error.path, f"can't be read anymore ({error.reason})", "Put it back")
            )
            raise
        except UserError as error:
            self._failure = error
            raise

    def _batch(self, step):
        shape = (len(self._own_rows), self.image_size, self.image_size)
        photos, anime = (np.empty((*shape, 3), np.uint8) for _ in range(2))
        grays, edges = (np.empty((*shape, 1), np.uint8) for _ in range(2))
        for row, position in enumerate(self._rows(step)[i] for i in self._own_rows):
            path = self._file(_PHOTO_STREAM, self.files.photos, position)
            with open_training_picture(path, self._scaled_side) as picture:
                photo = self._scale(picture.rgb())
            (photos[row],) = self._augment(_PHOTO_STREAM, position, photo)

            path = self._file(_ANIME_STREAM, self.files.anime, position)
            with open_training_picture(path, self._scaled_side) as picture:
                rgb, gray = map(self._scale, picture.rgb_and_gray())
            anime[row], grays[row, ..., 0] = self._augment(_ANIME_STREAM, position, rgb, gray)

            path = self._file(_EDGE_STREAM, self.files.smooth or self.files.anime, position)
            (edges[row, ..., 0],) = self._augment(_EDGE_STREAM, position, self._edge_gray(path))
        return photos, anime, grays, edges

    def _rows(self, step):
        return range(step * self.batch_size, (step + 1) * self.batch_size)

    def _file(self, stream, files, position):
        epoch, index = divmod(position, len(files))
        return files[self._order(stream, len(files), epoch)[index]]

    def _shuffle(self, stream, count, epoch):
        return np.random.default_rng([self.seed, stream, _ORDER, epoch]).permutation(count)

    def _scale(self, picture):
        if not self.crop:
            return rescale(picture, self.image_size, self.image_size)
        return _rescale_short_side(picture, self.load_size)

    def _augment(self, stream, position, *pictures):
        """The same square, mirrored or not, of pictures of one size."""
        if not self.crop and not self.flip:
            return pictures
        rng = np.random.default_rng([self.seed, stream, _AUGMENTATION, position])
        if self.crop:
            size = self.image_size
            top, left = (rng.integers(side - size + 1) for side in pictures[0].shape[:2])
            pictures = [picture[top : top + size, left : left + size] for picture in pictures]
        if self.flip and rng.random() < 0.5:
            pictures = [picture[:, ::-1] for picture in pictures]
        return pictures

    def _edge_gray(self, path):
        if not self.files.smooth:
            return self._edges.gray(path)
        with open_training_picture(path, self._scaled_side) as picture:
            return self._scale(picture.gray())


def load_validation(files: TrainingFiles, *, image_size: int, count: int) -> np.ndarray:
    """The first `count` validation photos, float32 (N, S, S, 3) in [-1, 1]; or all if fewer.

    Scaled so that the short side fits, and cut to the middle square.

    Raises:
        UserError: one cannot be read.
    """
    squares = []
    for path in files.val[:count]:
        try:
            with open_training_picture(path, image_size) as picture:
                photo = _rescale_short_side(picture.rgb(), image_size)
        except ImageError as error:
            raise UserError(error.finding("Replace or remove it")) from error
        top, left = ((side - image_size) // 2 for side in photo.shape[:2])
        squares.append(photo[top : top + image_size, left : left + image_size])
    return to_float(np.stack(squares))


def _rescale_short_side(picture, size):
    ratio = size / min(picture.shape[:2])
    return rescale(picture, *(round(side * ratio) for side in picture.shape[:2]))


def _to_training_values(pixels):
    """`to_float` in TensorFlow, whose allocator reuses memory; gray becomes three channels."""
    values = tf.cast(pixels, tf.float32) / 127.5 - 1
    return tf.broadcast_to(values, (*values.shape[:3], 3))
