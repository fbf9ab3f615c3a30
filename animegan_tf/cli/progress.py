"""How far long work has come, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

# An estimate is made from five pictures or frames and ten seconds, or from what a minute gives. The
# first one doesn't count, since it takes longer than others.
_COUNT, _SECONDS, _LONG_ENOUGH = 5, 10, 60
_SHORT = 60  # A rest of so many seconds is not worth a line.


class Progress:
    """A progress bar on a terminal, and everywhere one line with an estimate before long work.

    Args:
        total: how much there is to do; None: unknown.
        unit: of what, as in "picture".
        name: of the whole, shown before the bar.
        clock: seconds.
    """

    def __init__(
        self,
        total: int | None,
        unit: str,
        name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.done = 0
        self._total, self._unit, self._name, self._clock = total, unit, name, clock
        self._begin = clock()
        self._first: tuple[float, int] | None = None
        self._said = total is None
        self._bar = tqdm(total=total, unit=unit, desc=name, disable=None, file=sys.stderr)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.close()

    @property
    def seconds(self) -> float:
        """Time since the beginning."""
        return self._clock() - self._begin

    def update(self, count: int = 1) -> None:
        """Counts what has been done since the last call."""
        self.done += count
        self._bar.update(count)
        if not self._said:
            self._estimate()

    def _estimate(self):
        now = self._clock()
        if self._first is None:
            self._first = now, self.done
            return
        since, before = self._first
        enough = self.done - before >= _COUNT and now - since >= _SECONDS
        if not enough and now - since < _LONG_ENOUGH:
            return
        self._said = True
        left = self._total - self.done
        seconds = left * (now - since) / (self.done - before)
        if seconds > _SHORT:
            name = f"{self._name}: " if self._name else ""
            rest = f"{left:,} of {self._total:,} {self._unit}s"
            write_line(f"{name}{rest} left, about {in_words(seconds)}")


def write_line(line: str) -> None:
    """Writes a line to standard error, above a progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)


def in_words(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3 h 20 min", "2 d 5 h"."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{round(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
