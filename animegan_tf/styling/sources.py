"""What there is to stylize: files, folders, and patterns told apart into pictures and videos."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from animegan_tf import images
from animegan_tf.errors import Finding
from animegan_tf.video import VIDEO_EXTENSIONS, is_video

STREAM = "-"
"""Stands for standard input and standard output."""


class Source(NamedTuple):
    """One file to stylize.

    Attributes:
        path: where it is; None is standard input.
        inside: its path inside the folder that was given, or its name if no folder was.
        named: it was given by its own name, not found by a folder or pattern.
    """

    path: Path | None
    inside: Path = Path()
    named: bool = True


class Sources(NamedTuple):
    """What was found, in the order of the inputs, and what is wrong with them."""

    pictures: list[Source]
    videos: list[Source]
    findings: list[Finding]


def find_sources(
    inputs: Sequence[str | os.PathLike], *, recursive: bool = True, output: str | None = None
) -> Sources:
    """Finds pictures and videos; the latter are known by their extension.

    Args:
        inputs: files, folders, patterns such as "photos/*.jpg", or "-" for standard input.
        recursive: folders inside folders count.
        output: a folder of results; it is left out where it lies inside a given folder.
    """
    found: dict[Path | None, Source] = {}
    findings = []
    if not inputs:
        findings.append(Finding("input", "nothing is given", "Name files or folders: photos/"))
    for given in inputs:
        name = os.fspath(given)
        try:
            for source in _sources_of(name, recursive, output):
                if source.named or source.path not in found:
                    found[source.path] = source
        except _Wrong as wrong:
            findings.append(Finding(name, *wrong.args))
        except OSError as error:
            findings.append(
                Finding(error.filename or name, error.strerror or str(error), "Make it readable")
            )
    videos = [source for source in found.values() if source.path and is_video(source.path)]
    pictures = [source for source in found.values() if not (source.path and is_video(source.path))]
    return Sources(pictures, videos, findings)


class _Wrong(Exception):
    """(reason, remedy) of a finding."""


def _sources_of(name: str, recursive: bool, output: str | None) -> Iterable[Source]:
    if name == STREAM:
        if sys.stdin is not None and sys.stdin.isatty():
            raise _Wrong(
                "nothing is piped into standard input, it is the terminal",
                "Name files or folders, or pipe a picture in: cat photo.jpg | ...",
            )
        return [Source(None)]
    if not os.path.lexists(name) and glob.has_magic(name):
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]
        if not matches:
            raise _Wrong("no file matches", "Check the pattern")
        return [
            source
            for match in matches
            for source in (
                _in_folder(match, recursive, output)
                if os.path.isdir(match)
                else [Source(match, Path(match.name), named=False)]
            )
        ]
    if os.path.isdir(name):
        return _in_folder(Path(name), recursive, output)
    if not os.path.exists(name):
        raise _Wrong("no such file or folder", "Check the path")
    if not stat.S_ISREG(os.stat(name).st_mode):
        raise _Wrong("is a pipe or a device, not a file", "Give a file, or pipe it in with -")
    return [Source(Path(name), Path(Path(name).name))]


def _in_folder(folder: Path, recursive: bool, output: str | None) -> Iterable[Source]:
    pictures, others = images.list_folder(folder)
    paths = sorted(pictures + [path for path in others if is_video(path)])
    results = None if output is None or output == STREAM else os.path.realpath(output)
    if results is not None and results != os.path.realpath(folder):
        paths = [
            path for path in paths if results not in map(str, Path(os.path.realpath(path)).parents)
        ]
    paths = [path for path in paths if recursive or path.parent == folder]
    if not paths:
        extensions = images.IMAGE_EXTENSIONS | VIDEO_EXTENSIONS
        known = " ".join(sorted(extension[1:] for extension in extensions))
        raise _Wrong(
            "no pictures or videos in this folder", f"Give a folder that has some ({known})"
        )
    return [Source(path, path.relative_to(folder), named=False) for path in paths]
