"""What is wrong with the training files, said before training begins."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animegan_tf.colors import LUMA
from animegan_tf.data.find import TrainingFiles, some_for_validation
from animegan_tf.data.progress import in_threads
from animegan_tf.data.reading import open_training_picture
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import IMAGE_EXTENSIONS, ImageError, read_bytes
from animegan_tf.opencv import cv2
from animegan_tf.video import is_video

FLAT_DEVIATION = 2.0
"""Pictures whose channels all deviate less than this (of 255) are taken for flat."""
DARK_BRIGHTNESS = 60.0
"""Frames of a lower mean brightness (of 255) are dark."""
FEW_PICTURES = 50
"""Fewer photos or anime pictures than this get a warning."""
_DARK_SHARE_LIMIT = 0.25
_CAST_LIMIT = 25.0
_LARGE_MEGAPIXELS = 4.0
_COPIES_NAMED = 10
_OTHERS_NAMED = 3
_OR_SKIP = "or add --skip_bad_images to go on without it"


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
    then), very few pictures, and a style set that is dark or tinted.

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
    warnings = _left_out(files.others)
    if files.smooth and sorted(p.stem for p in files.smooth) != sorted(p.stem for p in files.anime):
        warnings.append(_unmatched(files))
        files = replace(files, smooth=())

    photos = set(files.photos)
    entries = [("photo", p) for p in files.photos] + [("anime", p) for p in files.anime]
    entries += [("smooth", p) for p in files.smooth]
    entries += [("val", p) for p in files.val if p not in photos]
    inspect = functools.partial(_inspect, image_size=image_size)
    survey = _Survey()
    looked_at = in_threads(lambda entry: inspect(entry[1]), entries, "checking files", workers)
    for (kind, path), facts in zip(entries, looked_at):
        survey.add(kind, path, facts)
    if survey.bad and not skip_bad_images:
        raise UserError(list(survey.bad.values()))

    kept = _without(files, survey.bad)
    empty = [
        Finding(name, "no usable picture is left", "Give more, or repair those named above")
        for name, group in (("photos", kept.photos), ("anime", kept.anime))
        if not group
    ]
    if empty:
        raise UserError(list(survey.bad.values()) + empty)
    if not kept.val:
        kept = replace(kept, val=some_for_validation(kept.photos))
    report = survey.report(kept)
    bad = list(survey.bad.values())
    return kept, warnings + bad + survey.named_copies() + _doubts(report), report


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
        with open_training_picture(data, image_size) as picture:
            height, width = picture.height, picture.width
            if min(height, width) < smallest:
                return _Facts(
                    Finding(
                        str(path),
                        f"too small, {width}x{height} pixels",
                        f"Each side needs at least {smallest:.0f}; remove it, {_OR_SKIP}",
                    )
                )
            mean, deviation = (values.ravel() for values in cv2.meanStdDev(picture.rgb()))
    except ImageError as error:
        return _Facts(error.finding(f"Replace or remove it, {_OR_SKIP}", path))
    if deviation.max() < FLAT_DEVIATION:
        return _Facts(
            Finding(
                str(path),
                "flat, nearly one color, which instance normalization turns into noise",
                f"Remove it, {_OR_SKIP}",
            )
        )
    return _Facts(None, hashlib.blake2b(data, digest_size=16).digest(), height * width, mean)


@dataclass
class _Survey:
    """What the looks at all files add up to."""

    bad: dict[Path, Finding] = field(default_factory=dict)
    copies: list[Finding] = field(default_factory=list)
    first_of: dict[bytes, tuple[str, Path]] = field(default_factory=dict)
    colors: np.ndarray = field(default_factory=lambda: np.zeros(3))
    anime: int = 0
    dark: int = 0
    pixels: int = 0

    def add(self, kind, path, facts):
        if facts.fault:
            self.bad[path] = facts.fault
            return
        if kind == "anime":
            self.anime += 1
            self.colors += facts.color
            self.dark += _brightness(facts.color) < DARK_BRIGHTNESS
        if kind in ("photo", "anime"):
            self.pixels += facts.pixels
            first_kind, first = self.first_of.setdefault(facts.digest, (kind, path))
            if first is not path:
                self.copies.append(_copy(kind, path, first_kind, first))

    def named_copies(self):
        rest = len(self.copies) - _COPIES_NAMED
        if rest <= 0:
            return self.copies
        return [
            *self.copies[:_COPIES_NAMED],
            Finding("data", f"{rest} more files are copies of others", "Remove them"),
        ]

    def report(self, kept):
        mean = self.colors / self.anime
        return DataReport(
            len(kept.photos),
            len(kept.anime),
            len(kept.smooth),
            len(kept.val),
            len(self.bad),
            brightness=float(_brightness(mean)),
            cast=tuple((mean - mean.mean()).tolist()),
            dark_share=self.dark / self.anime,
            megapixels=self.pixels / 1e6 / len(kept.photos + kept.anime),
        )


def _without(files, bad):
    return replace(
        files,
        **{
            name: tuple(path for path in getattr(files, name) if path not in bad)
            for name in ("photos", "anime", "smooth", "val")
        },
    )


def _left_out(others):
    if not others:
        return []
    names = ", ".join(path.name for path in others[:_OTHERS_NAMED])
    more = ", ..." if len(others) > _OTHERS_NAMED else ""
    remedy = f"Pictures are {' '.join(sorted(IMAGE_EXTENSIONS))}"
    if any(map(is_video, others)):
        remedy += "; cut videos into frames first, with animegan frames"
    files = (
        "1 file is no picture and is"
        if len(others) == 1
        else (f"{len(others)} files are no pictures and are")
    )
    return [Finding("data", f"{files} left out ({names}{more})", remedy)]


def _unmatched(files):
    return Finding(
        str(files.smooth[0].parent),
        f"its {len(files.smooth)} pictures do not match the {len(files.anime)} of the style, "
        "so they are not used",
        "Edges are smoothed here instead. Remove the folder, or give it one picture of the same "
        "name for each in style/",
    )


def _copy(kind, path, first_kind, first):
    if kind == first_kind:
        return Finding(str(path), f"a copy of {first}", "Keep one of them")
    return Finding(
        str(path),
        f"the same picture is among the photos ({first})",
        "Remove it there: it teaches the generator to change nothing",
    )


def _doubts(report):
    doubts = [
        Finding(
            name,
            f"only {count} pictures",
            f"Results get better with more: {FEW_PICTURES} at the very least, 1,000 are usual",
        )
        for name, count in (("photos", report.photos), ("anime", report.anime))
        if count < FEW_PICTURES
    ]
    if report.dark_share > _DARK_SHARE_LIMIT:
        doubts.append(
            Finding(
                "style",
                f"{report.dark_share:.0%} of its pictures are dark",
                "Leave night scenes out, or photos will turn dark too",
            )
        )
    if max(map(abs, report.cast)) > _CAST_LIMIT:
        strongest = max(range(3), key=lambda channel: abs(report.cast[channel]))
        doubts.append(
            Finding(
                "style",
                f"strongly tinted, {('red', 'green', 'blue')[strongest]} is "
                f"{report.cast[strongest]:+.0f} of 255 off",
                "Photos will be tinted too: balance the pictures, or raise the color loss's weight",
            )
        )
    if report.megapixels > _LARGE_MEGAPIXELS:
        doubts.append(
            Finding(
                "data",
                f"its pictures have {report.megapixels:.0f} megapixels on average",
                "Decoding them slows training down; scale them down once",
            )
        )
    return doubts


def _brightness(rgb):
    return rgb @ LUMA[0]
