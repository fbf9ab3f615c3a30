"""What the system refuses in the middle of work: a full disk, a vanished folder, no memory left."""

from __future__ import annotations

import errno
import os
import sys

from animegan_tf.errors import Finding

_DISK = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)]


def refused_by_system(error: Exception, how_to_go_on: str) -> Finding | None:
    """An error of the system as a finding.

    Args:
        error: what escaped from a command.
        how_to_go_on: what is intact then, and what to do.

    Returns:
        None for any other error: a bug.
    """
    if isinstance(error, OSError) and error.errno:
        where = error.filename if error.filename2 is None else error.filename2
        if where is None:
            where = "the disk" if error.strerror in _DISK else "the system"
        return Finding(os.fsdecode(where), error.strerror or str(error), how_to_go_on)
    if isinstance(error, MemoryError):
        return Finding("memory", "there is not enough of it", how_to_go_on)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and isinstance(error, tensorflow.errors.OpError):
        # TensorFlow's own file systems have no errno, but the system's words.
        reason = next(filter(str(error).count, _DISK), None)
        if reason:
            return Finding("TensorFlow", f"a file can't be written ({reason})", how_to_go_on)
        if isinstance(error, tensorflow.errors.ResourceExhaustedError):
            return Finding("memory", "there is not enough of it", how_to_go_on)
    return None
