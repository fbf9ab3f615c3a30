"""How long training will take."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

STEPS_TO_JUDGE_BY = 20


class Pace:
    """Measures steps, and says once in each phase when training will end.

    Args:
        pretrain_steps: steps of pre-training, which come first.
        total_steps: of both phases.
        clock: seconds, from any moment on.
    """

    def __init__(
        self, pretrain_steps: int, total_steps: int, clock: Callable[[], float] = time.monotonic
    ):
        self._pretrain_steps, self._total_steps, self._clock = pretrain_steps, total_steps, clock
        self._counted = 0
        self._begin = 0.0

    def step_done(self, step: int) -> str | None:
        """Tell it after each step; after the first twenty of a phase it has something to say.

        Args:
            step: steps done.
        """
        if step == self._pretrain_steps + 1:
            self._counted = 0
        self._counted += 1
        if self._counted == 1:  # It includes the compilation.
            self._begin = self._clock()
        if self._counted != STEPS_TO_JUDGE_BY:
            return None
        seconds = (self._clock() - self._begin) / (STEPS_TO_JUDGE_BY - 1)
        pretraining = step <= self._pretrain_steps
        end = self._pretrain_steps if pretraining else self._total_steps
        left = max(0, end - step) * seconds
        text = f"{seconds:.2g} s a step: {'pre-training' if pretraining else 'training'} ends"
        text += f" {moment(left)}, in {duration(left)}"
        if pretraining and end < self._total_steps:
            text += f"; then come {self._total_steps - end:,} longer steps"
        return text


def duration(seconds: float) -> str:
    """A length of time in words, rough as an estimate is: "40 s", "25 min", "3 h 10 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"


def moment(seconds_from_now: float) -> str:
    """When that is: "at about 18:40", or with its date if it is not today."""
    now = datetime.datetime.now()
    then = now + datetime.timedelta(seconds=seconds_from_now)
    day = "" if then.date() == now.date() else f"on {then:%Y-%m-%d} "
    return f"{day}at about {then:%H:%M}"
