"""What was taken from films and what was left out, in words and as a sheet to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animegan_tf import images
from animegan_tf.colors import LUMA
from animegan_tf.data.films.choose import LEFT_OUT
from animegan_tf.data.films.luma import NOTHING, Crop
from animegan_tf.errors import Finding, printable
from animegan_tf.opencv import cv2

_ON_SHEET = 96
_COLUMNS = 8
_THUMB = 220  # Pixels across.
_GAP = 6
_UNLIKE = 5.0  # Deviations from the median, in units of the usual one.
_MOST_UNLIKE = 16
_WHITE, _RED = (255, 255, 255), (220, 30, 30)
# Decoding at a reduced scale takes a part of the time.
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


class TakenFrame(NamedTuple):
    """A picture that was written.

    Attributes:
        name: of the file.
        time: seconds from the beginning of its film.
        shot: number of its shot within all films.
        rank: 0 for the best frame of its shot, 1 for the next, ...
        subtitled: it shows subtitles, as all of its shot does.
        color: mean RGB, 0 to 255.
        fingerprint: see `looks`.
    """

    name: str
    time: float
    shot: int
    rank: int
    subtitled: bool
    color: tuple[float, ...]
    fingerprint: np.ndarray


@dataclass
class Summary:
    """What `take_frames` did; `str` gives the lines for people.

    Attributes:
        count: how many pictures were wanted.
        frames: those that were taken, in the order of the films.
        left_out: how many of the frames that were looked at were left out, by the keys of
            `LEFT_OUT`.
        seen, looked_at: how many frames the films have, and how many of them were looked at
            closely.
        shots: how many shots were found.
        crops: what was cut off of each film, by its name.
        damage: films that could not be read whole.
    """

    count: int
    frames: list[TakenFrame] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)
    seen: int = 0
    looked_at: int = 0
    shots: int = 0
    crops: dict[str, Crop] = field(default_factory=dict)
    damage: list[Finding] = field(default_factory=list)

    def reasons(self) -> str:
        """How many frames were left out, and why: "12 black, 3 blurred by motion"."""
        return ", ".join(
            f"{self.left_out[key]:,} {words}"
            for key, words in LEFT_OUT.items()
            if self.left_out[key]
        )

    def unlike(self) -> list[TakenFrame]:
        """Frames whose light or color differs much from that of the others, the oddest first."""
        if len(self.frames) < 8:
            return []
        prints = np.stack([frame.fingerprint for frame in self.frames]).astype(np.float32)
        features = np.concatenate([prints.mean(axis=(2, 3)), prints.std(axis=(2, 3))], axis=1)
        apart = np.abs(features - np.median(features, axis=0))
        scores = (apart / (1.5 * np.median(apart, axis=0) + 2)).max(axis=1)
        oddest = np.argsort(-scores, kind="stable")[:_MOST_UNLIKE]
        return [self.frames[index] for index in oddest if scores[index] > _UNLIKE]

    def __str__(self) -> str:
        color = np.mean([frame.color for frame in self.frames], axis=0)
        brightness = float(color @ LUMA[0])
        red, green, blue = color - color.mean()
        lines = [
            f"{len(self.frames):,} frames of {self.shots:,} shots taken; "
            f"{self.looked_at:,} of {self.seen:,} frames were looked at",
            f"left out: {self.reasons() or 'none'}",
            f"mean brightness {brightness:.0f} of 255, "
            f"tint R {red:+.0f} G {green:+.0f} B {blue:+.0f}",
        ]
        for name, crop in self.crops.items():
            if crop != NOTHING:
                sides = ", ".join(f"{side} {pixels}" for side, pixels in crop._asdict().items())
                lines.append(f"black bars cut off of {printable(name)}, in pixels: {sides}")
        subtitled = [frame.name for frame in self.frames if frame.subtitled]
        if subtitled:
            lines.append(
                f"with subtitles, since their whole shot has them: {_some(subtitled)}; "
                "--crop_bottom cuts them off"
            )
        unlike = [frame.name for frame in self.unlike()]
        if unlike:
            lines.append(f"unlike the others, look at them: {_some(unlike)}")
        if len(self.frames) < self.count:
            lines.append(
                f"that is fewer than the {self.count:,} wanted: the rest would be near copies"
            )
        return "\n".join(lines) + "\n"

    def sheet(self, folder: Path) -> np.ndarray:
        """A contact sheet: frames spread over the films, then those unlike the others, in red.

        Args:
            folder: where the frames are.

        Returns:
            uint8 RGB (H, W, 3).
        """
        step = max(1, -(-len(self.frames) // _ON_SHEET))
        spread, unlike = self.frames[::step], self.unlike()
        file = images.PictureFile(folder / spread[0].name)
        size = max(1, round(_THUMB * file.height / file.width)), _THUMB
        how = next(
            (how for scale, how in _REDUCED if scale * _THUMB <= file.width), cv2.IMREAD_COLOR
        )
        cells = [_cell(folder / frame.name, size, how, _WHITE) for frame in spread]
        cells += [_cell(folder / frame.name, size, how, _RED) for frame in unlike]
        columns = min(_COLUMNS, len(cells))
        blank = np.full_like(cells[0], 255)
        cells += [blank] * (-len(cells) % columns)
        rows = [
            np.concatenate(cells[at : at + columns], axis=1) for at in range(0, len(cells), columns)
        ]
        return np.concatenate(rows)


def _cell(path, size, how, color):
    """A small picture with a frame of that color; `how` is OpenCV's way to decode it."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), how)[..., ::-1]
    picture = images.rescale(picture, *size)
    gap = ((_GAP, _GAP), (_GAP, _GAP))
    return np.stack(
        [np.pad(picture[..., c], gap, constant_values=color[c]) for c in range(3)], axis=-1
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(printable, names[:8]))
    return f"{shown}, and {len(names) - 8} more" if len(names) > 8 else shown
