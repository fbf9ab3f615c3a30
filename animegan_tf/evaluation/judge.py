"""Judges a generator by photos that it has not seen and by the anime pictures that it imitates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animegan_tf.errors import Finding, UserError
from animegan_tf.evaluation.distances import (
    chroma_distance,
    content_distance,
    edge_strength,
    flat_share,
    invented,
)
from animegan_tf.evaluation.features import Features
from animegan_tf.evaluation.kid import Kid, kid
from animegan_tf.images import ImageError, Limits, read_rgb, rescale, to_float

MIN_PICTURES = 10
"""Fewer say nothing about a set."""
MIN_SIZE = 75
"""InceptionV3 takes no smaller pictures."""


class Judgment(NamedTuple):
    """How good a generator is; distances are better when smaller.

    Attributes:
        features: the feature network's name.
        size: side in pixels of the squares that were compared.
        kid: of the results to the anime pictures.
        kid_of_photos: of the photos to the anime pictures, where every style begins.
        kid_to_photos: of the results to the photos.
        content: distance of each result to its photo in features.
        chroma: distance of each result's colors to its photo's, see `chroma_distance`.
        invented: see `distances.invented`, means over the pictures.
        flat_share, edge_strength: of the results, the photos, and the anime pictures.
    """

    features: str
    size: int
    kid: Kid
    kid_of_photos: Kid
    kid_to_photos: Kid
    content: float
    chroma: float
    invented: dict[str, float]
    flat_share: dict[str, float]
    edge_strength: dict[str, float]

    def as_json(self) -> dict:
        """As JSON has it: objects, numbers, and null for what could not be measured."""

        def plain(value):
            if isinstance(value, Kid):
                return value._asdict()
            if isinstance(value, dict):
                return {key: plain(each) for key, each in value.items()}
            return None if isinstance(value, float) and not np.isfinite(value) else value

        return {key: plain(value) for key, value in self._asdict().items()}


class Judge:
    """Measures generators with the same pictures, features, and size.

    The anime pictures are described once. Pictures are read one by one: memory does not grow with
    their number, but for the features that KID needs.

    Args:
        photos: files that the generator was not trained on, at least `MIN_PICTURES`.
        anime: files in the style that it shall have, at least `MIN_PICTURES`.
        features: what KID and the content distance are measured with.
        size: every picture is reduced or enlarged to this shorter side and cut to the square in
            its middle.
        on_anime: called after each anime picture.

    Raises:
        UserError: too few pictures, or one that can't be read.
    """

    def __init__(
        self,
        photos: Sequence[str | os.PathLike],
        anime: Sequence[str | os.PathLike],
        features: Features,
        size: int = 256,
        on_anime: Callable[[], object] = lambda: None,
    ):
        check_pictures("photos", photos)
        check_pictures("anime pictures", anime)
        if size < MIN_SIZE:
            raise UserError(
                Finding(f"--size={size}", "too small", f"It must be {MIN_SIZE} or more")
            )
        self.photos = [Path(photo) for photo in photos]
        self.features = features
        self.size = size
        described, shares, strengths = [], [], []
        for path in anime:
            picture = read_square(path, size)
            described.append(features(picture)[0].whole)
            shares.append(flat_share(picture))
            strengths.append(edge_strength(picture))
            on_anime()
        self._anime = np.stack(described)
        self._flat_share_of_anime = float(np.mean(shares))
        self._edge_strength_of_anime = float(np.mean(strengths))

    def __call__(
        self,
        stylize: Callable[[np.ndarray], np.ndarray],
        on_picture: Callable[[Path, np.ndarray, np.ndarray, dict[str, float]], None] | None = None,
    ) -> Judgment:
        """Judges what a generator makes of the photos.

        Args:
            stylize: takes and gives (1, S, S, 3) float32 RGB in [-1, 1].
            on_picture: called after each with the photo's path, the photo and the result,
                (S, S, 3), and what was measured on the two.
        """
        results = (
            np.asarray(stylize(read_square(path, self.size)[None]))[0] for path in self.photos
        )
        return self.of_results(results, on_picture)

    def of_results(
        self,
        results: Iterable[np.ndarray],
        on_picture: Callable[[Path, np.ndarray, np.ndarray, dict[str, float]], None] | None = None,
    ) -> Judgment:
        """Judges results that exist: (S, S, 3) float32 RGB in [-1, 1], in the order of photos."""
        of_photos, of_results, rows = [], [], []
        for path, result in zip(self.photos, results):
            photo = read_square(path, self.size)
            before, after = self.features(photo, result)
            of_photos.append(before.whole)
            of_results.append(after.whole)
            rows.append(
                {
                    "content": content_distance(before.parts, after.parts),
                    "chroma": chroma_distance(photo, result),
                    **invented(photo, result),
                    "flat_share": flat_share(result),
                    "edge_strength": edge_strength(result),
                    "flat_share_of_photo": flat_share(photo),
                    "edge_strength_of_photo": edge_strength(photo),
                }
            )
            if on_picture:
                on_picture(path, photo, result, rows[-1])
        return self._judgment(np.stack(of_photos), np.stack(of_results), rows)

    def _judgment(self, photos, results, rows):
        def mean(name):
            values = np.array([row[name] for row in rows])
            return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

        return Judgment(
            features=self.features.name,
            size=self.size,
            kid=kid(results, self._anime),
            kid_of_photos=kid(photos, self._anime),
            kid_to_photos=kid(results, photos),
            content=mean("content"),
            chroma=mean("chroma"),
            invented={name: mean(name) for name in ("ringing", "stripes", "texture")},
            flat_share={
                "results": mean("flat_share"),
                "photos": mean("flat_share_of_photo"),
                "anime": self._flat_share_of_anime,
            },
            edge_strength={
                "results": mean("edge_strength"),
                "photos": mean("edge_strength_of_photo"),
                "anime": self._edge_strength_of_anime,
            },
        )


def check_pictures(kind: str, paths: Sequence[str | os.PathLike]) -> None:
    """Checks that there are enough pictures and that each can be read.

    Raises:
        UserError: says which can't.
    """
    findings = []
    if len(paths) < MIN_PICTURES:
        findings.append(
            Finding(
                kind,
                f"{len(paths)} pictures are too few to judge by",
                f"Give {MIN_PICTURES} or more; a hundred make the figures steady",
            )
        )
    for path in paths:
        try:
            read_rgb(path)
        except ImageError as error:
            findings.append(Finding(error.path, error.reason, "Remove or replace it"))
    if findings:
        raise UserError(findings)


def read_square(path: str | os.PathLike, size: int) -> np.ndarray:
    """A picture's middle square: (size, size, 3) float32 RGB in [-1, 1].

    Raises:
        ImageError: it can't be read.
    """
    return middle_square(read_rgb(path, Limits(at_least=size)), size)


def middle_square(rgb: np.ndarray, size: int) -> np.ndarray:
    """The square in the middle of a picture, uint8 (H, W, 3), as `read_square` gives it."""
    height, width = rgb.shape[:2]
    scale = size / min(height, width)
    rgb = rescale(rgb, max(size, round(height * scale)), max(size, round(width * scale)))
    top, left = ((side - size) // 2 for side in rgb.shape[:2])
    return to_float(rgb[top : top + size, left : left + size])
