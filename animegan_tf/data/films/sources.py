"""Which films there are, and which of their frames are wanted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from animegan_tf import images
from animegan_tf.errors import Finding, UserError
from animegan_tf.video import (
    TIME_BASE,
    WHY_NO_AV,
    VideoError,
    VideoSource,
    is_video,
    quarter_turns_of,
)


@dataclass(frozen=True)
class FrameSettings:
    """Which frames are taken.

    Attributes:
        count: at most so many pictures of all films together.
        skip_start, skip_end: seconds of each film that are left out: openings and credits.
        crop_bottom: percent of the height that are cut off below, such as subtitles.
        min_brightness: frames of a lower mean, of 255, are left out.
        seed: another one chooses other frames where there are too many.
    """

    count: int = 1500
    skip_start: float = 0.0
    skip_end: float = 0.0
    crop_bottom: float = 0.0
    min_brightness: float = 20.0
    seed: int = 0

    def check(self) -> None:
        """Makes sure that frames can be taken with these.

        Raises:
            UserError: naming every setting that is out of range.
        """
        ranges = {
            "count": (1, 1_000_000),
            "skip_start": (0, 1e6),
            "skip_end": (0, 1e6),
            "crop_bottom": (0, 60),
            "min_brightness": (0, 250),
        }
        findings = [
            Finding(
                f"--{name}={getattr(self, name):g}", "out of range", f"Give {low:g} to {high:g}"
            )
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        ]
        if findings:
            raise UserError(findings)


class Film(NamedTuple):
    """A film that can be read.

    Attributes:
        path: the file.
        rate: frames a second.
        origin: the file's own time that counts as 0.
        seconds: its length, or None.
        exact: the file itself states its length; a shorter one is cut off.
        pixel_aspect: width of an upright pixel by its height.
    """

    path: Path
    rate: float
    origin: Fraction
    seconds: float | None
    exact: bool
    pixel_aspect: float


def find_films(inputs: Sequence[str | os.PathLike]) -> list[Path]:
    """The films among files and folders, those of a folder sorted by their path.

    Raises:
        UserError: naming every input that is missing or holds no film.
    """
    films: list[Path] = []
    findings = []
    if not inputs:
        findings.append(Finding("films", "none is given", "Name files or folders: film.mkv"))
    for given in map(Path, inputs):
        try:
            if given.is_dir():
                found = sorted(path for path in images.list_folder(given)[1] if is_video(path))
                if not found:
                    findings.append(Finding(str(given), "no films in this folder", "Give another"))
                films += found
            elif given.exists():
                films.append(given)
            else:
                findings.append(Finding(str(given), "no such file or folder", "Check the path"))
        except OSError as error:
            findings.append(Finding(str(given), error.strerror or str(error), "Make it readable"))
    if findings:
        raise UserError(findings)
    return list(dict.fromkeys(films))


def open_films(paths: Sequence[Path], settings: FrameSettings) -> list[Film]:
    """Reads what the files say of themselves.

    Raises:
        UserError: PyAV is missing, or naming every file that can't be read.
    """
    check_av()
    findings = []
    films = []
    for path in paths:
        try:
            films.append(_probe(path))
        except VideoError as error:
            findings.append(Finding(error.path, error.reason, "Give another film"))
    for film in films:
        if film.seconds is not None and film.seconds <= settings.skip_start + settings.skip_end:
            findings.append(
                Finding(
                    str(film.path),
                    f"nothing of its {film.seconds:.0f} s is left by --skip_start and --skip_end",
                    "Skip less",
                )
            )
    if findings:
        raise UserError(findings)
    return films


def expected_frames(films: Sequence[Film], settings: FrameSettings) -> int | None:
    """About how many frames will be seen; None: unknown."""
    skipped = settings.skip_start + settings.skip_end
    if any(film.seconds is None for film in films):
        return None
    return round(sum(((film.seconds or 0) - skipped) * film.rate for film in films))


def check_av() -> None:
    """Makes sure that PyAV is there.

    Raises:
        UserError: it is not.
    """
    if WHY_NO_AV:
        raise UserError(Finding("films", WHY_NO_AV, "pip install 'animegan-tf[video]'"))


def _probe(path):
    source = VideoSource(path)
    with contextlib.closing(source):
        stream, container = source.stream, source.container
        frame = next(source.frames(), None)
        if frame is None:
            raise VideoError(path, "there is no frame in it that can be read")
        aspect = float(stream.sample_aspect_ratio or 1)
        return Film(
            path,
            float(stream.average_rate or stream.guessed_rate or 25),
            Fraction(container.start_time or 0, TIME_BASE),
            container.duration / TIME_BASE if container.duration else None,
            bool(container.duration and (stream.frames or "matroska" in container.format.name)),
            1 / aspect if quarter_turns_of(frame) % 2 else aspect,
        )
