"""How much memory there is to use."""

from __future__ import annotations

import os
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
