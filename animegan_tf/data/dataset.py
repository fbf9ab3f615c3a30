"""Training data: find it, check it, stream it as {photo, anime, gray, edge_gray}."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image as PillowImage
from tqdm import tqdm

from animegan_tf.data.edges import smooth_edges
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import (
    IMAGE_EXTENSIONS,
    ImageError,
    encode_image,
    find_images,
    gray_of,
    read_bytes,
    read_gray,
    read_rgb,
    read_rgb_and_gray,
    rescale,
    to_float,
    write_bytes,
)
from animegan_tf.opencv import cv2
from animegan_tf.parallel import ReadAhead, map_ahead, worker_count

KEYS = ("photo", "anime", "gray", "edge_gray")
"""What a batch holds."""

FLAT_DEVIATION = 2.0
"""Pictures whose channels all deviate less than this (of 255) are taken for flat."""
DARK_BRIGHTNESS = 60.0
"""Frames of a lower mean brightness (of 255) are dark."""
_DARK_SHARE_LIMIT = 0.25
_CAST_LIMIT = 25.0
_LARGE_MEGAPIXELS = 4.0
_DUPLICATES_NAMED = 10
_VALIDATION_PHOTOS = 8
_FOR_EVER = 2**62

# Part of the cache key. Count up whenever the smoothing of the same file gives other bytes.
_EDGE_VERSION = 1
# Part of every random seed: changing them changes what a seed means.
_PHOTO_STREAM, _ANIME_STREAM, _EDGE_STREAM = range(3)
_ORDER, _AUGMENTATION = range(2)


@dataclass(frozen=True)
class TrainingFiles:
    """The files that a run learns from, each set sorted.

    Attributes:
        photos: photos, unpaired with the anime pictures.
        anime: pictures of the style.
        smooth: the style's pictures with smoothed edges, made earlier; empty where the project
            smooths by itself.
        val: photos that are only looked at.
    """

    photos: tuple[Path, ...]
    anime: tuple[Path, ...]
    smooth: tuple[Path, ...]
    val: tuple[Path, ...]


@dataclass(frozen=True)
class DataReport:
    """What `check_training_files` measured; `str` gives the lines for the log.

    Attributes:
        photos, anime, smooth, val: how many files each set has.
        dropped: how many bad files were left out.
        brightness: mean of the style's pictures, 0 to 255.
        cast: how far the style's mean red, green and blue lie from their common mean, 0 to 255.
        dark_share: share of the style's pictures with a brightness below `DARK_BRIGHTNESS`.
        megapixels: mean size of photos and anime pictures.
    """

    photos: int
    anime: int
    smooth: int
    val: int
    dropped: int
    brightness: float
    cast: tuple[float, float, float]
    dark_share: float
    megapixels: float

    def __str__(self) -> str:
        edges = f"{self.smooth} from smooth/" if self.smooth else "smoothed here"
        cast = " ".join(f"{name} {value:+.0f}" for name, value in zip("RGB", self.cast))
        return (
            f"data: {self.photos} photos, {self.anime} anime pictures (edges {edges}), "
            f"{self.val} validation photos, {self.dropped} bad files left out\n"
            f"style: mean brightness {self.brightness:.0f} of 255, color cast {cast}, "
            f"{self.dark_share:.0%} dark frames"
        )


def find_training_files(
    *,
    data_dir: str | os.PathLike | None = None,
    style: str | None = None,
    photos: str | os.PathLike | None = None,
    anime: str | os.PathLike | None = None,
    val: str | os.PathLike | None = None,
) -> TrainingFiles:
    """Finds the files of a run, without opening one.

    Below `data_dir` the authors' layout is expected: `train_photo/`, `<Style>/style/`, and if
    wanted `<Style>/smooth/` and `val/` (or `test/`), names in any case. `photos`, `anime` and
    `val` are folders that take the place of those. Without any validation photos a few of the
    training photos serve.

    Raises:
        UserError: naming every folder that is missing, unreadable or without pictures.
    """
    findings: list[Finding] = []
    root = None if data_dir is None else Path(data_dir)
    if root is not None:
        try:
            os.listdir(root)
        except OSError as error:
            findings.append(
                Finding(
                    f"--data_dir={root}",
                    error.strerror or str(error),
                    "Give the folder that holds train_photo/ and <Style>/style/",
                )
            )
            root = None
    elif photos is None or anime is None:
        missing = " and ".join(
            flag for flag, folder in (("--photos", photos), ("--anime", anime)) if folder is None
        )
        findings.append(Finding(missing, "not given", "Give --data_dir, or --photos and --anime"))

    photo_folder = anime_folder = None
    if photos is not None:
        photo_folder = Path(photos)
    elif root is not None:
        photo_folder = _subfolder(root, "train_photo")
        if photo_folder is None:
            findings.append(
                Finding(
                    str(root / "train_photo"),
                    "no such folder",
                    "Put your photos there, or name their folder with --photos",
                )
            )
    if anime is not None:
        anime_folder = Path(anime)
    elif root is not None:
        anime_folder = _find_style(root, style, findings)

    listed = functools.partial(_list_images, findings=findings)
    photo_files = listed(photo_folder, "--photos")
    anime_files = listed(anime_folder, "--anime")
    val_files = () if val is None else listed(Path(val), "--val")
    for name in ("val", "test"):
        if root is not None and val is None and not val_files:
            val_files = listed(_subfolder(root, name), name, required=False)
    smooth_files = ()
    if anime_folder is not None and anime_folder.name.lower() == "style":
        if anime_folder.parent.is_dir():
            smooth = _subfolder(anime_folder.parent, "smooth")
            smooth_files = listed(smooth, "smooth", required=False)
    if photo_files and anime_files and photo_folder.resolve() == anime_folder.resolve():
        findings.append(
            Finding(
                str(photo_folder),
                "is given for photos and for anime alike",
                "Give two folders; the generator learns the way between them",
            )
        )
    if findings:
        raise UserError(findings)
    return TrainingFiles(
        photo_files,
        anime_files,
        smooth_files,
        val_files or _evenly_spaced(photo_files, _VALIDATION_PHOTOS),
    )


def check_training_files(
    files: TrainingFiles,
    *,
    image_size: int,
    skip_bad_images: bool = False,
    workers: int | None = None,
) -> tuple[TrainingFiles, list[Finding], DataReport]:
    """Decodes every file once and says all that is wrong with them.

    Bad are files that cannot be read, tiny ones, and flat ones, whose missing variance instance
    normalization would turn into noise or NaN. Doubtful are equal files, a style picture among
    the photos, a `smooth/` folder that does not belong to the style's pictures (it is not used
    then), and a style set that is dark or tinted.

    Args:
        files: from `find_training_files`.
        image_size: the side of a training picture; files much smaller are bad.
        skip_bad_images: leave bad files out, and go on.
        workers: how many files are decoded at a time.

    Returns:
        The files to train on, findings that did not stop the run, and the report.

    Raises:
        UserError: with all bad files, or because none are left.
    """
    warnings, bad, rejected = [], [], set()
    if files.smooth and sorted(p.stem for p in files.smooth) != sorted(p.stem for p in files.anime):
        warnings.append(
            Finding(
                str(files.smooth[0].parent),
                f"its {len(files.smooth)} pictures do not match the {len(files.anime)} of the style, "
                "so it is not used",
                "Nothing is lost: edges are smoothed here. Remove it, or make it "
                "again, one picture of the same name for each of style/",
            )
        )
        files = replace(files, smooth=())

    photos = set(files.photos)
    entries = [("photo", p) for p in files.photos] + [("anime", p) for p in files.anime]
    entries += [("smooth", p) for p in files.smooth]
    entries += [("val", p) for p in files.val if p not in photos]
    inspect = functools.partial(_inspect, image_size=image_size)

    first_of: dict[bytes, tuple[str, Path]] = {}
    copies: list[Finding] = []
    colors, dark, accepted, pixels = np.zeros(3), 0, 0, 0
    looked_at = _in_parallel(lambda entry: inspect(entry[1]), entries, workers, "checking files")
    for (kind, path), facts in zip(entries, looked_at):
        if facts.fault:
            bad.append(facts.fault)
            rejected.add(path)
            continue
        if kind == "anime":
            accepted += 1
            colors += facts.color
            dark += _brightness(facts.color) < DARK_BRIGHTNESS
        if kind in ("photo", "anime"):
            pixels += facts.pixels
            copy_of = first_of.setdefault(facts.digest, (kind, path))
            if copy_of[1] is not path:
                copies.append(_describe_copy(kind, path, *copy_of))

    kept = TrainingFiles(
        *(
            tuple(p for p in group if p not in rejected)
            for group in (files.photos, files.anime, files.smooth, files.val)
        )
    )
    if bad and not skip_bad_images:
        raise UserError(bad)
    empty = [
        Finding(name, "no usable picture is left", "Give more, or repair those named above")
        for name, group in (("photos", kept.photos), ("anime", kept.anime))
        if not group
    ]
    if empty:
        raise UserError(bad + empty)
    if not kept.val:
        kept = replace(kept, val=_evenly_spaced(kept.photos, _VALIDATION_PHOTOS))

    mean = colors / accepted
    report = DataReport(
        len(kept.photos),
        len(kept.anime),
        len(kept.smooth),
        len(kept.val),
        len(bad),
        brightness=float(_brightness(mean)),
        cast=tuple((mean - mean.mean()).tolist()),
        dark_share=dark / accepted,
        megapixels=pixels / 1e6 / len(kept.photos + kept.anime),
    )
    if len(copies) > _DUPLICATES_NAMED:
        rest = len(copies) - _DUPLICATES_NAMED
        copies[_DUPLICATES_NAMED:] = [
            Finding(
                "data", f"{rest} more files are copies of others", "Remove them to weigh all alike"
            )
        ]
    return kept, warnings + bad + copies + _doubts(report), report


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
        self.cache_dir = Path(cache_dir)
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
            ImageError: an anime picture cannot be read.
            OSError: the cache cannot be written.
        """
        if self.files.smooth:
            return
        for _ in _in_parallel(self._smoothed_gray, self.files.anime, None, "smoothing edges"):
            pass

    def dataset(self, start_step: int = 0, steps: int | None = None) -> tf.data.Dataset:
        """Batches from `start_step` on: `steps` of them, or without end.

        Each is a dict of the `KEYS`, float32 (B, S, S, 3) in [-1, 1], or (B / n, S, S, 3) with
        `part`. `anime` and `gray` of a row are one file, one crop and one flip; `edge_gray` is
        another file. Gray means three equal channels. A file that cannot be read ends the stream
        with an error that names it.
        """
        end = _FOR_EVER if steps is None else start_step + steps
        shape = (len(self._own_rows), self.image_size, self.image_size)

        def load(step):
            pixels = tf.numpy_function(
                lambda number: self._batches(int(number), end), [step], [tf.uint8] * len(KEYS)
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

    def _batch(self, step):
        shape = (len(self._own_rows), self.image_size, self.image_size)
        photos, anime = (np.empty((*shape, 3), np.uint8) for _ in range(2))
        grays, edges = (np.empty((*shape, 1), np.uint8) for _ in range(2))
        for row, position in enumerate(self._rows(step)[i] for i in self._own_rows):
            path = self._file(_PHOTO_STREAM, self.files.photos, position)
            (photos[row],) = self._augment(_PHOTO_STREAM, position, self._scale(read_rgb(path)))

            path = self._file(_ANIME_STREAM, self.files.anime, position)
            rgb, gray = map(self._scale, read_rgb_and_gray(path))
            anime[row], grays[row, ..., 0] = self._augment(_ANIME_STREAM, position, rgb, gray)

            path = self._file(_EDGE_STREAM, self.files.smooth or self.files.anime, position)
            gray = self._scale(read_gray(path)) if self.files.smooth else self._smoothed_gray(path)
            (edges[row, ..., 0],) = self._augment(_EDGE_STREAM, position, gray)
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
        ratio = self.load_size / min(picture.shape[:2])
        return rescale(picture, *(round(side * ratio) for side in picture.shape[:2]))

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

    def _smoothed_gray(self, path):
        """The gray of an anime picture with smoothed edges, at the scaled size, from the cache."""
        data = path.read_bytes()
        scale = f"short side {self.load_size}" if self.crop else f"square {self.image_size}"
        key = hashlib.blake2b(f"{_EDGE_VERSION} {scale} ".encode() + data, digest_size=16)
        cached = self.cache_dir / f"{key.hexdigest()}.png"
        try:
            return _read_checked_png(cached)
        except (ImageError, FileNotFoundError):
            pass  # Not there yet, or damaged.
        try:
            rgb, gray = map(self._scale, read_rgb_and_gray(data))
        except ImageError as error:
            raise ImageError(str(path), error.reason) from error
        smoothed = gray_of(smooth_edges(rgb, gray))
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        write_bytes(cached, encode_image(smoothed, "PNG"))
        return smoothed


def load_validation(files: TrainingFiles, *, image_size: int, count: int) -> np.ndarray:
    """The first `count` validation photos, float32 (N, S, S, 3) in [-1, 1]; fewer if there are.

    Scaled so that the short side fits, and cut to the middle square.

    Raises:
        ImageError: one cannot be read.
    """
    squares = []
    for path in files.val[:count]:
        photo = read_rgb(path)
        ratio = image_size / min(photo.shape[:2])
        photo = rescale(photo, *(round(side * ratio) for side in photo.shape[:2]))
        top, left = ((side - image_size) // 2 for side in photo.shape[:2])
        squares.append(photo[top : top + image_size, left : left + image_size])
    return to_float(np.stack(squares))


def _to_training_values(pixels):
    """`to_float` in TensorFlow, whose allocator reuses memory; gray becomes three channels."""
    values = tf.cast(pixels, tf.float32) / 127.5 - 1
    return tf.broadcast_to(values, (*values.shape[:3], 3))


class _Facts(NamedTuple):
    """What one look at a file found; the color is its mean RGB."""

    fault: Finding | None = None
    digest: bytes = b""
    pixels: int = 0
    color: np.ndarray | None = None


def _inspect(path, image_size):
    smallest = max(image_size / 4, min(32, image_size))
    try:
        data = read_bytes(path)
        rgb = read_rgb(data)
    except ImageError as error:
        return _Facts(
            error.finding("Replace or remove it, or go on without with --skip_bad_images", path)
        )
    height, width = rgb.shape[:2]
    if min(height, width) < smallest:
        return _Facts(
            Finding(
                str(path),
                f"too small, {width}x{height} pixels",
                f"Each side needs at least {smallest:.0f}; remove it, or go on "
                "without with --skip_bad_images",
            )
        )
    mean, deviation = (values.ravel() for values in cv2.meanStdDev(rgb))
    if deviation.max() < FLAT_DEVIATION:
        return _Facts(
            Finding(
                str(path),
                "flat, nearly one color",
                "Instance normalization needs some variance; remove it, or go on "
                "without with --skip_bad_images",
            )
        )
    return _Facts(None, hashlib.blake2b(data, digest_size=16).digest(), height * width, mean)


def _describe_copy(kind, path, first_kind, first_path):
    if kind != first_kind:
        return Finding(
            str(path),
            f"the same picture is among the photos ({first_path})",
            "A style picture among the photos teaches the generator to change nothing; "
            "remove it there",
        )
    return Finding(str(path), f"a copy of {first_path}", "Remove one to weigh all pictures alike")


def _doubts(report):
    doubts = []
    if report.dark_share > _DARK_SHARE_LIMIT:
        doubts.append(
            Finding(
                "style",
                f"{report.dark_share:.0%} of its pictures are dark",
                "Night frames spoil a style; leave them out",
            )
        )
    if max(map(abs, report.cast)) > _CAST_LIMIT:
        strongest = max(range(3), key=lambda channel: abs(report.cast[channel]))
        doubts.append(
            Finding(
                "style",
                f"strongly tinted, {('red', 'green', 'blue')[strongest]} is "
                f"{report.cast[strongest]:+.0f} of 255 off",
                "The generator will tint photos alike, "
                "unless the color loss holds against it: raise its weight, or balance the set",
            )
        )
    if report.megapixels > _LARGE_MEGAPIXELS:
        doubts.append(
            Finding(
                "data",
                f"{report.megapixels:.0f} megapixels a picture in the mean",
                "Decoding will slow training down; shrink the files once to gain time",
            )
        )
    return doubts


def _brightness(rgb):
    return rgb @ np.array([0.299, 0.587, 0.114])


def _subfolder(parent, name):
    """The folder of that name below `parent`, in any case of letters; None if there is none."""
    try:
        below = sorted(parent.iterdir())
    except PermissionError:  # Such as lost+found, on a disk of its own.
        return None
    named = [p for p in below if p.name.lower() == name.lower() and p.is_dir()]
    return next((p for p in named if p.name == name), named[0] if named else None)


def _find_style(root, style, findings):
    styles = [
        folder.name
        for folder in sorted(root.iterdir())
        if folder.is_dir() and _subfolder(folder, "style")
    ]
    there = f"There are: {', '.join(styles)}" if styles else "There is no <Style>/style/ at all"
    if style is None:
        findings.append(Finding("--style", "not given", f"{there}. Or name a folder with --anime"))
        return None
    folder = _subfolder(root, style)
    pictures = _subfolder(folder, "style") if folder else None
    if pictures is None:
        findings.append(
            Finding(
                str(root / style / "style"),
                "no such folder",
                f"{there}. Put the style's pictures into this folder, or name theirs with --anime",
            )
        )
    return pictures


def _list_images(folder, flag, findings, required=True):
    if folder is None:
        return ()
    try:
        images = tuple(find_images(folder))
    except OSError as error:
        findings.append(
            Finding(
                f"{flag} {error.filename}",
                error.strerror or str(error),
                "Give a folder of pictures that may be read",
            )
        )
        return ()
    if required and not images:
        findings.append(
            Finding(
                str(folder),
                "holds no pictures",
                f"Put some there: {' '.join(sorted(IMAGE_EXTENSIONS))}",
            )
        )
    return images


def _evenly_spaced(items, count):
    count = min(count, len(items))
    return tuple(items[index * len(items) // count] for index in range(count))


def _read_checked_png(path):
    """Gray PNG to uint8 (H, W), its checksums compared, which decoding alone does not do."""
    try:
        with PillowImage.open(path) as image:
            image.verify()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(str(path), f"damaged ({error})") from error
    return read_gray(path)


def _in_parallel(
    function: Callable, items: Sequence, workers: int | None, progress: str
) -> Iterator:
    """`map` in threads, in order, a few items ahead.

    A bar named `progress` shows on standard error, where that is a terminal.
    """
    workers = workers or worker_count()
    pool = ThreadPoolExecutor(workers)
    try:
        with tqdm(desc=progress, total=len(items), disable=None) as bar:
            for _, future in map_ahead(pool, function, items, workers + 2):
                yield future.result()
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
