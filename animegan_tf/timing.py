"""Times of things that take turns: other work on the machine then slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def alternate(
    functions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Calls each function in turn, `rounds` times.

    Args:
        functions: by name.
        rounds: how often each one is timed.
        warm_up: calls of each before them, which do not count.

    Returns:
        The seconds of each function's calls.
    """
    for function in functions.values():
        for _ in range(warm_up):
            function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return times
