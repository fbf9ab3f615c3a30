"""Ratios of things that run in turn: absolute times on shared machines mean nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THREADS = os.cpu_count()


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what, against: the two things.
        best: ratio of their shortest times (or whatever `detail` says is compared).
        median: median of the rounds' ratios.
        reach: what the ratio should be at most, or at least if `higher`; None: only information.
        higher: a higher ratio is better.
        detail: absolute figures, for orientation.
        missing: why the row couldn't be measured.
    """

    what: str
    against: str
    best: float | None = None
    median: float | None = None
    reach: float | None = None
    higher: bool = False
    detail: str = ""
    missing: str = ""

    @property
    def met(self) -> str:
        """By the median."""
        if self.missing or self.reach is None:
            return ""
        held = self.median >= self.reach if self.higher else self.median <= self.reach
        return "yes" if held else "no"


def compare(
    what: str, against: str, ours: Sequence[float], theirs: Sequence[float], reach: float | None
) -> Row:
    """The row of two lists of times that were measured in turn."""
    return Row(
        what,
        against,
        min(ours) / min(theirs),
        statistics.median(a / b for a, b in zip(ours, theirs)),
        reach,
        detail=f"{_shown(min(ours))} against {_shown(min(theirs))}",
    )


def _shown(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def run_program(*arguments: str | Path) -> tuple[float, int]:
    """Runs Python with these arguments in the project's folder: (seconds, peak bytes).

    Raises:
        RuntimeError: with what it printed, if it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(map(str, arguments))}:\n{printed.decode()}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024
