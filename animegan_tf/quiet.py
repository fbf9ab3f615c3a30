"""Keeps native libraries' chatter off the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def held_back_stderr() -> Iterator[None]:
    """Keeps what is written to the process's standard error; shows it only on an exception."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def import_tensorflow() -> None:
    """Loads TensorFlow without the chatter of its libraries."""
    if "tensorflow" not in sys.modules:
        with held_back_stderr():
            import tensorflow

            tensorflow.config.list_physical_devices()
