"""Files and folders: what counts as a picture, read with a bound, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from pathlib import Path
from typing import BinaryIO

from PIL import features

from animegan_tf.errors import Finding
from animegan_tf.memory import available_memory

FORMAT_OF_EXTENSION = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
OUTPUT_EXTENSIONS = frozenset(FORMAT_OF_EXTENSION)
"""What `write_image` can write, in lower case."""
IMAGE_EXTENSIONS = OUTPUT_EXTENSIONS | {".gif", ".ppm", ".pgm"}
"""What `find_images` takes for a picture, in lower case."""
if features.check("avif"):
    IMAGE_EXTENSIONS |= {".avif"}

MAX_FILE_BYTES = 4_000_000_000
"""Larger files are refused before they are read."""
_SMALL_FILE = 64_000_000  # Nobody asks whether there is memory for it.

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device or terminal"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class ImageError(ValueError):
    """A file that cannot be read as a picture; `path` says which, `reason` why."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def finding(self, remedy: str, where: object = None) -> Finding:
        """The error as a finding; `where` takes the place of the path."""
        return Finding(str(where or self.path), self.reason, remedy)


class TooLargeError(ImageError):
    """A picture that takes more memory, or has more pixels, than it may."""


def list_folder(folder: str | os.PathLike) -> tuple[list[Path], list[Path]]:
    """All pictures below a folder, by extension in any case, and all other files; both sorted.

    Files and folders whose name begins with a dot are in neither.

    Raises:
        OSError: the folder, or one below it, cannot be listed.
    """

    def fail(error):
        raise error

    pictures: list[Path] = []
    others: list[Path] = []
    visited = set()
    for parent, folders, files in os.walk(os.fspath(folder), onerror=fail, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:  # A link to a folder above would otherwise never end.
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith("."):
                is_picture = os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS
                (pictures if is_picture else others).append(Path(parent, name))
    return sorted(pictures), sorted(others)


def find_images(folder: str | os.PathLike) -> list[Path]:
    """The pictures of `list_folder`.

    Raises:
        OSError: as there.
    """
    return list_folder(folder)[0]


def read_bytes(path: str | os.PathLike, max_memory: float | None = None) -> bytes:
    """The content of a regular file, or of one behind a link.

    Pipes, devices, and terminals are refused without being opened: they could keep a reader
    waiting forever, or never end.

    Args:
        path: the file.
        max_memory: bytes that the content may take; None: the memory that is available.

    Raises:
        ImageError: missing, not a regular file, or unreadable.
        TooLargeError: larger than `MAX_FILE_BYTES` or `max_memory`.
    """
    name = os.fspath(path)
    try:
        _check_kind(name, os.stat(path).st_mode)
        # Should a pipe have taken the file's place meanwhile, opening it does not wait.
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            _check_kind(name, status.st_mode)
            limit = _size_limit(status.st_size, max_memory)
            if status.st_size > limit:
                raise TooLargeError(
                    name,
                    f"a file of {_gigabytes(status.st_size)}; the limit is {_gigabytes(limit)}",
                )
            return _read_bounded(file, name, limit, status.st_size)
    except OSError as error:
        raise ImageError(name, error.strerror or str(error)) from error


def read_stream(stream: BinaryIO, name: str = "standard input", max_bytes: float = 1e9) -> bytes:
    """All that a stream holds, such as `sys.stdin.buffer`: a pipe or a file, no terminal.

    Raises:
        ImageError: a device or a terminal, or it cannot be read.
        TooLargeError: more than `max_bytes`.
    """
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # Not a file of the system: bytes in memory.
        mode = stat.S_IFIFO
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        _check_kind(name, mode)
    try:
        return _read_bounded(stream, name, int(max_bytes))
    except OSError as error:
        raise ImageError(name, error.strerror or str(error)) from error


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file whole or not at all: an earlier one of that name survives a failure.

    Raises:
        OSError: it can't be written; `filename` is the path.
    """
    path = Path(path)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):  # Gone, or its disk is.
            temporary.unlink()


def _check_kind(name, mode):
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "of an unknown kind")
        raise ImageError(name, f"not a regular file ({kind})")


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _size_limit(size, max_memory):
    if max_memory is None and size > _SMALL_FILE:
        max_memory = available_memory()
    return int(min(MAX_FILE_BYTES, MAX_FILE_BYTES if max_memory is None else max_memory))


def _read_bounded(file, name, limit, expected=1 << 20):
    """Reads to the end, though not beyond the limit, however much more comes than expected."""
    pieces, total = [], 0
    while piece := file.read(expected + 1):
        total += len(piece)
        if total > limit:
            raise TooLargeError(name, f"more than {_gigabytes(limit)}")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _gigabytes(size):
    return f"{size / 1e9:.2f} GB"
