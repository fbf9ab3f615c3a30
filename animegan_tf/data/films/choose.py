"""The best frames of each shot, without copies of those that were taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from animegan_tf.data.films.looks import FINGERPRINT, Look, count_letters, is_copy
from animegan_tf.data.films.shots import Verdict

_SHARP = 0.55  # Of the sharpness that the shot's sharper frames have.
_SHARP_PERCENTILE = 80
_BRIEF = 0.45  # Seconds; mostly flashes and jerks, with nothing sharp to compare with.
_LETTERS = 0.5  # How much more of a field is strokes than in other frames of the shot.
_HELD_BYTES = 200e6  # Frames that are held until their shot ends; longer shots are parted.

LEFT_OUT = {
    "skipped": "in the part that was to be skipped",
    "black": "black",
    "white": "white",
    "flat": "nearly of one color",
    "dark": "darker than --min_brightness",
    "letters": "titles, credits, or logos on a plain ground",
    "fade": "in a fade or cross-fade",
    "brief": "in a shot of less than half a second",
    "blurred": "blurred by motion",
    "subtitles": "with subtitles, where the shot has frames without",
    "copy": "nearly the same as one that was taken",
    "rest": "beside a better one of their shot",
    "many": "beyond --count",
}
"""Why frames are left out, in the order in which they are judged."""


@dataclass
class Choice:
    """A frame that was chosen.

    Attributes:
        look: with its frame.
        shot: number of its shot within all films.
        rank: 0 for the sharpest frame of its shot, 1 for the next, ...
        subtitled: it shows subtitles, and so does the whole shot.
    """

    look: Look
    shot: int
    rank: int
    subtitled: bool


@dataclass
class _Slot:
    """The frames of a part of a shot, of which one is taken: the sharpest, and the plainest."""

    sharpest: Look | None = None
    plainest: Look | None = None

    def add(self, look):
        before = self.held()
        if self.sharpest is None or _product(look) > _product(self.sharpest):
            self.sharpest = look
        if self.plainest is None or _plainness(look) > _plainness(self.plainest):
            self.plainest = look
        for other in [*before, look]:
            if other is not self.sharpest and other is not self.plainest:
                other.frame = None  # Its memory is wanted for others.

    def held(self):
        return [look for look in (self.sharpest, self.plainest) if look is not None]


@dataclass
class _Shot:
    begin: float
    end: float = 0.0  # When its last frame begins.
    looks: list[Look] = field(default_factory=list)
    settled: int = 0  # How many of the looks are in their slots.
    slots: dict[int, _Slot] = field(default_factory=dict)


class Chooser:
    """Takes looks with the verdicts on them, and yields what is chosen when a shot has ended.

    Args:
        slot: seconds of a shot of which one frame is taken.
        frame_bytes: what a frame takes in memory.
        left_out: counts why looks were left out, by the keys of `LEFT_OUT`.
    """

    def __init__(self, slot: float, frame_bytes: int, left_out: Counter):
        self._slot, self._left_out = slot, left_out
        self._most_slots = max(4, int(_HELD_BYTES / 2 / frame_bytes))
        self._shot: _Shot | None = None
        self.shots = 0
        """How many shots have begun."""

    def add(self, verdict: Verdict, time: float, look: Look | None) -> Iterator[Choice]:
        """Takes a frame; `look` is None for those that were only glanced at."""
        if verdict.begins or verdict.fades:
            yield from self.finish()
        if verdict.begins:
            self.shots += 1
        if verdict.fades:
            if look is not None:
                self._left_out["fade"] += 1
            return
        if self._shot is None:
            self._shot = _Shot(time)
        self._shot.end = time
        if look is None:
            return
        if look.wrong:
            self._left_out[look.wrong] += 1
            return
        self._shot.looks.append(look)
        self._settle(self._shot, len(self._shot.looks) - 2)  # The others' neighbors are to come.
        if len(self._shot.slots) > self._most_slots:
            yield from self.finish()

    def finish(self) -> Iterator[Choice]:
        """Ends the shot."""
        shot, self._shot = self._shot, None
        if shot:
            self._settle(shot, len(shot.looks))
            if shot.end - shot.begin < _BRIEF:
                self._left_out["brief"] += len(shot.looks)
            elif shot.looks:
                yield from self._choose(shot)

    def _settle(self, shot, end):
        """Counts the letters of a shot's looks up to `end`, and puts them into their slots."""
        looks = shot.looks
        for number in range(shot.settled, end):
            look = looks[number]
            before, after = looks[max(0, number - 2) : number], looks[number + 1 : number + 3]
            companies = [before, after, before[-1:] + after[:1]]
            count_letters(look, filter(None, companies))
            slot = shot.slots.setdefault(int((look.time - shot.begin) / self._slot), _Slot())
            slot.add(look)
            shot.settled = number + 1

    def _choose(self, shot):
        sharp = np.percentile([look.sharpness for look in shot.looks], _SHARP_PERCENTILE, axis=0)
        blurred = {id(look) for look in shot.looks if np.min(look.sharpness / sharp) < _SHARP}
        clear = [look.letters for look in shot.looks if id(look) not in blurred]
        plain = np.min(clear or [0], axis=0)
        lettered = {id(look) for look in shot.looks if np.max(look.letters - plain) > _LETTERS}
        taken = []
        for slot in shot.slots.values():
            good = [look for look in slot.held() if id(look) not in blurred | lettered]
            taken += good[:1]
        all_lettered = not taken and len(blurred | lettered) == len(shot.looks)
        if all_lettered:
            held = [look for slot in shot.slots.values() for look in slot.held()]
            sharp_ones = [look for look in held if id(look) not in blurred]
            taken = [max(sharp_ones or held, key=_plainness)]
        chosen = {id(look) for look in taken}
        for look in shot.looks:
            if id(look) not in chosen:
                look.frame = None
                reason = "blurred" if id(look) in blurred else "subtitles"
                self._left_out[reason if id(look) in blurred | lettered else "rest"] += 1
        for rank, look in enumerate(sorted(taken, key=_product, reverse=True)):
            yield Choice(look, self.shots, rank, all_lettered)


class Taken:
    """The fingerprints of what was taken from all films; 864 bytes a picture."""

    def __init__(self) -> None:
        width, height = FINGERPRINT
        self._prints = np.empty((256, 3, height, width), np.int16)
        self._count = 0

    def add(self, fingerprint: np.ndarray) -> bool:
        """Adds a picture, unless nearly the same was added before; whether it was added."""
        if is_copy(fingerprint, self._prints[: self._count]).any():
            return False
        if self._count == len(self._prints):
            self._prints = np.concatenate([self._prints, np.empty_like(self._prints)])
        self._prints[self._count] = fingerprint
        self._count += 1
        return True


def _product(look):
    return look.sharpness[0] * look.sharpness[1]


def _plainness(look):
    return -round(float(look.letters.sum()), 1), _product(look)
