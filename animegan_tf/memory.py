"""How much memory there is to use, and sharing it among threads."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = [
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
]


def available_memory() -> int:
    """Bytes that this process can take without pushing others out.

    On Linux what the kernel calls available, within the container's limit; elsewhere the installed
    memory, or 4 GB where even that is unknown.
    """
    free = _kernel_estimate()
    for limit, usage in _CGROUPS:
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(usage).read_text()))
        except (OSError, ValueError):  # No such group, or no limit ("max").
            continue
    return max(free, 0)


def _kernel_estimate():
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4_000_000_000


def return_freed_memory() -> None:
    """Gives back to the system what the C library keeps of freed memory for each thread.

    glibc can do this; elsewhere nothing happens.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class MemoryBudget:
    """Memory that threads share: who wants more than is left waits until others are done.

    Args:
        total: bytes that may be held at a time. Whoever wants more than that gets it alone.
    """

    def __init__(self, total: float):
        self.total = total
        self._held = 0.0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, size: float) -> Iterator[None]:
        """Holds so many bytes for the time of a `with` block, which must not hold others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + size <= self.total)
            self._held += size
        try:
            yield
        finally:
            with self._changed:
                self._held -= size
                self._changed.notify_all()
