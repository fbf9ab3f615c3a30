"""Where results go: their names, the places that can't be written, the parts of a shared task."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.runs import check_room, existing_part
from animegan_tf.styling.sources import Source

DEFAULT_SUFFIX = "_anime"

ALL = slice(None)
"""All jobs."""


class HasTarget(Protocol):
    """A job of any kind; None is a standard stream."""

    @property
    def source(self) -> Path | None: ...

    @property
    def target(self) -> Path | None: ...


AnyJob = TypeVar("AnyJob", bound=HasTarget)


@dataclass(frozen=True)
class Job:
    """One picture.

    Attributes:
        source, target: files; None is a standard stream.
        replace: a target that exists is replaced.
    """

    source: Path | None
    target: Path | None
    replace: bool = False

    def __str__(self) -> str:
        return "standard input" if self.source is None else str(self.source)


def parse_shard(text: str) -> slice:
    """The jobs of part "3/16", as a slice: every 16th, beginning with the 3rd.

    Raises:
        UserError: not of this form, or there is no such part.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UserError(
            Finding(
                f"--shard={text}",
                "is not a part of the whole",
                "Give 1/16 to the first of 16 machines, 2/16 to the next, and so on to 16/16",
            )
        )
    return slice(number - 1, None, count)


def target_of(source: Source, extension: str, output: str | None, suffix: str | None) -> Path:
    """The result's path, beside the source or in an output folder, where it keeps its folders.

    Args:
        source: a file.
        extension: of the result, with its dot.
        output: a folder; None: the source's own.
        suffix: stands between name and extension; None: `DEFAULT_SUFFIX` beside the source,
            nothing in an output folder.
    """
    assert source.path is not None
    if suffix is None:
        suffix = DEFAULT_SUFFIX if output is None else ""
    folder = source.path.parent if output is None else Path(output, source.inside).parent
    return folder / (source.path.stem + suffix + extension)


def without_earlier_results(jobs: Sequence[AnyJob], sources: Iterable[Source]) -> list[AnyJob]:
    """Leaves out jobs whose source is the result of another one, unless it was given by name."""
    named = {source.path for source in sources if source.named}
    results = {job.target for job in jobs if job.target != job.source}
    return [job for job in jobs if job.source in named or job.source not in results]


def share_of(jobs: Sequence[AnyJob], sources: Iterable[Source], shard: slice) -> list[AnyJob]:
    """The jobs of a shard, counted in the order of their paths inside the given folders."""
    if shard == ALL:
        return list(jobs)
    inside = {source.path: source.inside.as_posix() for source in sources}
    return sorted(jobs, key=lambda job: inside[job.source])[shard]


def check_targets(
    jobs: Sequence[HasTarget], to_do: Sequence[HasTarget], *, overwrite: bool = False
) -> list[Finding]:
    """Makes sure that no file is lost.

    Args:
        jobs: all whose results are to be written, here or by other machines.
        to_do: those of them that are done here; the others' results may exist.
        overwrite: files that exist may be replaced, though never a source.

    Returns:
        A finding for each result that stands in the way of a file or can't be written, and one
        for all that exist already.
    """
    findings, exist = [], []
    sources = {_identity(job.source) for job in jobs if job.source}
    own = set(map(id, to_do))
    targets: dict[object, HasTarget] = {}
    for job in jobs:
        if job.target is None:
            continue
        identity = _identity(job.target)
        if identity in sources:
            findings.append(
                Finding(
                    str(job.target),
                    "this is a source, which is never overwritten",
                    "Give another --output or --suffix",
                )
            )
        elif identity in targets:
            findings.append(
                Finding(
                    str(job.target),
                    f"would be the result of {targets[identity].source} and of {job.source}",
                    "Give them to separate calls, or --format",
                )
            )
        elif os.path.isdir(job.target):  # Path.is_dir raises where it may not look.
            findings.append(Finding(str(job.target), "is a folder", "Give another --output"))
        elif id(job) in own and os.path.lexists(job.target) and not overwrite:
            exist.append(job.target)
        targets[identity] = job
    return (
        findings + _existing(exist) + _unwritable({job.target.parent for job in jobs if job.target})
    )


def check_room_for(jobs: Iterable[HasTarget]) -> None:
    """Checks that results of the sources' sizes would roughly fit the disks that they go to.

    Raises:
        UserError: not even a twentieth of the sources would.
    """
    needed: dict[int, int] = defaultdict(int)
    folders: dict[int, Path] = {}
    for job in jobs:
        if job.source and job.target:
            folder = job.target.parent
            disk = os.stat(existing_part(folder)).st_dev
            folders.setdefault(disk, folder)
            with contextlib.suppress(OSError):  # Reported when it is read.
                needed[disk] += os.path.getsize(job.source)
    check_all(
        *(
            functools.partial(
                check_room,
                "--output",
                folders[disk],
                size / 20,
                "the results",
                ", or name a folder on another disk",
            )
            for disk, size in needed.items()
        )
    )


def _existing(paths: Sequence[Path]) -> list[Finding]:
    if not paths:
        return []
    if len(paths) == 1:
        remedy = "Give --overwrite, another --output, or another --suffix"
        return [Finding(str(paths[0]), "exists already", remedy)]
    return [
        Finding(
            str(paths[0]),
            f"exists already, and so do {len(paths) - 1:,} other results",
            "Give --resume to make only those that are missing, --overwrite to make all of them "
            "anew, another --output, or another --suffix",
        )
    ]


def _unwritable(folders: Iterable[Path]) -> list[Finding]:
    reasons = {folder: _why_not_writable(folder) for folder in sorted(folders)}
    return [
        Finding(str(folder), f"results can't be written here ({reason})", "Give another --output")
        for folder, reason in reasons.items()
        if reason
    ]


def _identity(path: Path) -> object:
    """Equal for two names of one file."""
    try:
        status = os.stat(path)
        return status.st_dev, status.st_ino
    except OSError:
        return os.path.join(os.path.realpath(path.parent), path.name)


def _why_not_writable(folder: Path) -> str | None:
    """Tries it, in the nearest folder that exists: permissions alone don't tell."""
    while not os.path.lexists(folder):
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)
