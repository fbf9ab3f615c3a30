"""Opens archives and arrays that strangers may have made.

Only regular files are opened. Nothing is unpacked or read before its declared size is known to be
within a limit, and nothing leads to another file.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

import h5py
import numpy as np

_MAX_MEMBERS = 100
_MAX_DIRECTORY = 100_000
_END, _END64 = b"PK\5\6", b"PK\6\7"
_HARMLESS_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Opens a file for reading; a pipe, device, or terminal might never end.

    Raises:
        OSError: not there, or not a regular file.
    """
    file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115 - for the caller.
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a regular file")
    return file


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def open_zip(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Opens a zip archive of few members.

    Raises:
        OSError, zipfile.BadZipFile: not such an archive.
    """
    with open_regular(path) as file:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            yield archive


def _check_directory(file):
    """Looks at the record at the archive's end: `ZipFile` reads all of the directory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 64))
    tail = file.read()
    end = len(tail) - 22
    if end < 0 or tail[end : end + 4] != _END or tail[-2:] != b"\0\0":
        end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("not a zip archive")
    members, directory = struct.unpack_from("<HI", tail, end + 10)
    has_zip64 = tail[max(0, end - 20) :].startswith(_END64)
    if has_zip64 or members > _MAX_MEMBERS or directory > _MAX_DIRECTORY:
        raise zipfile.BadZipFile("a zip archive with more members than a Keras file has")


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Unpacks a member of at most `limit` bytes.

    Raises:
        KeyError: there is none of this name.
        ValueError: larger, encrypted, or compressed by a method that Keras does not use.
        zipfile.BadZipFile, zlib.error, EOFError: damaged.
    """
    info = archive.getinfo(name)
    if info.file_size > limit:
        raise ValueError(f"{name} unpacks to {info.file_size:,} bytes; {limit:,} are the limit")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is encrypted or compressed by an unusual method")
    with archive.open(info) as file:
        # With a size: without one, zipfile unpacks as much as there is, whatever was declared.
        return file.read(info.file_size)


def hdf5_member(group: h5py.Group, *names: str) -> h5py.Group | h5py.Dataset:
    """What lies below a group in the same file.

    Raises:
        KeyError: there is nothing of this name.
        ValueError: a link that may lead elsewhere.
    """
    for name in names:
        if not isinstance(group, h5py.Group):
            raise KeyError(name)
        link = group.get(name, getlink=True)
        if link is None:
            raise KeyError(f"{group.name.rstrip('/')}/{name} is missing")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link to elsewhere")
        group = group[name]
    return group


def read_array(dataset: h5py.Group | h5py.Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """A dataset's numbers as float32, if it is what it should be.

    Args:
        dataset: float32 or float16, perhaps compressed with what HDF5 itself brings.
        shape: what it must have.

    Raises:
        ValueError: another shape or type, or a form that takes more memory than its numbers or
            leads to other files.
        OSError: damaged.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{dataset.name} is not an array")
    if dataset.shape != tuple(shape):
        raise ValueError(f"{dataset.name} has the shape {dataset.shape}, not {tuple(shape)}")
    if dataset.dtype not in (np.float32, np.float16):
        raise ValueError(f"{dataset.name} holds {dataset.dtype}, not float32 or float16")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} has its numbers in another file")
    settings = dataset.id.get_create_plist()
    filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
    if filters - _HARMLESS_FILTERS:
        raise ValueError(f"{dataset.name} is compressed by an unusual method")
    if dataset.chunks and any(chunk > side for chunk, side in zip(dataset.chunks, shape)):
        raise ValueError(f"{dataset.name} has chunks larger than itself")
    return np.asarray(dataset[()], np.float32)
