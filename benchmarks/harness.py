"""Ratios of things that run in turn: absolute times on shared machines mean nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
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


# A small process starts the program: Linux counts the memory of the one that forks as the child's.
_STARTER = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.call(sys.argv[1:], stderr=subprocess.STDOUT)
seconds = time.perf_counter() - start
print(f"\\n{seconds} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}")
sys.exit(status)
"""


def run_program(*arguments: str | Path) -> tuple[float, int]:
    """Runs Python with these arguments in the project's folder: (seconds, peak bytes).

    Raises:
        RuntimeError: with what it printed, if it fails.
    """
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, "-c", _STARTER, *command], cwd=ROOT, capture_output=True, text=True
    )
    *printed, measured = done.stdout.splitlines()
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))}:\n" + "\n".join(printed))
    seconds, peak = measured.split()
    return float(seconds), int(peak)
