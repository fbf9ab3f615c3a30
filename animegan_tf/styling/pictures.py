"""Which pictures to stylize, where the results go, and the work on many of them.

Reading, the network and writing run side by side. A picture that fails is reported at the end and
does not stop the others; no source is ever written to.
"""

from __future__ import annotations

import glob
import io
import os
import re
import sys
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image as PillowImage

from animegan_tf import images
from animegan_tf.errors import Finding, UserError
from animegan_tf.styling.options import FORMATS, Options
from animegan_tf.styling.stylizer import Stylizer

STREAM = "-"
"""Stands for standard input and standard output."""

DEFAULT_SUFFIX = "_anime"


@dataclass(frozen=True)
class Job:
    """One picture: where it comes from and where its result goes; None is a standard stream."""

    source: Path | None
    target: Path | None

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


ALL = slice(None)
"""All jobs."""


def plan_jobs(
    inputs: Sequence[str],
    *,
    output: str | None = None,
    suffix: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
    recursive: bool = True,
    shard: slice = ALL,
) -> list[Job]:
    """Finds the pictures, and a place for each result.

    With a `shard` only its part of them, counted in the order of their paths inside the given
    folders. So machines that see the same files share them out without knowing of each other,
    also when some have begun to write before others look.

    Args:
        inputs: files, folders, patterns such as "photos/*.jpg", or "-" for standard input.
        output: a folder, in which the folders of the input are kept; a file, for one input;
            or "-" for standard output. None: beside the source.
        suffix: stands between name and extension; None: "_anime" beside the source, nothing in
            an output folder.
        format: a key of `FORMATS`; None: the source's, or PNG where that cannot be written.
        overwrite: existing results are replaced.
        recursive: folders inside folders count.
        shard: from `parse_shard`.

    Raises:
        UserError: nothing to do, or a result would be in the way of a file; all findings at once.
    """
    findings: list[Finding] = []
    if not inputs:
        raise UserError(
            Finding(
                "input", "no picture given", "Name files or folders: infer.py --style=... photos/"
            )
        )
    found = _find_sources(inputs, recursive, output, findings)
    if shard != ALL and STREAM in (*inputs, output):
        findings.append(
            Finding("--shard, -", "a standard stream can't be shared out", "Leave one of both out")
        )
    elif shard != ALL:
        found.sort(key=lambda item: item[1].as_posix())
    to_file = _is_file_output(output, found, inputs)
    if to_file and len(found) > 1:
        findings.append(
            Finding(f"--output={output}", f"one file for {len(found)} pictures", "Give a folder")
        )
    if (output == STREAM and len(found) == 1) or (output is None and list(inputs) == [STREAM]):
        return check_targets([Job(found[0][0], None)], overwrite, findings)

    suffix = (DEFAULT_SUFFIX if output is None else "") if suffix is None else suffix
    jobs = []
    for source, inside in found:
        if source is None and not to_file:
            findings.append(
                Finding(
                    "standard input",
                    "it has no name to make the result's of",
                    "Give --output=FILE or --output=-",
                )
            )
        elif to_file:
            jobs.append(Job(source, Path(output)))
        else:
            folder = source.parent if output is None else Path(output, inside).parent
            jobs.append(Job(source, folder / _target_name(source, suffix, format)))
    if not to_file:
        # Results of an earlier call that stand in the same folders are no sources.
        results = {job.target for job in jobs if job.target != job.source}
        given = {Path(name) for name in inputs}
        jobs = [job for job in jobs if job.source not in results or job.source in given]
    return check_targets(jobs, overwrite, findings, shard)


def _find_sources(inputs, recursive, output, findings):
    """[(path, path inside the given folder)]; None stands for standard input."""
    found = {}
    for name in inputs:
        if name == STREAM:
            found[None] = None
            continue
        paths = [Path(name)]
        if not os.path.exists(name) and glob.has_magic(name):
            paths = [Path(match) for match in sorted(glob.glob(name, recursive=True))]
            if not paths:
                findings.append(Finding(name, "no file matches", "Check the pattern"))
        for path in paths:
            if os.path.isdir(path):
                found.update(_find_in_folder(path, recursive, output, findings))
            elif os.path.exists(path):
                found.setdefault(path, Path(path.name))
            else:
                findings.append(Finding(name, "no such file or folder", "Check the path"))
    return list(found.items())


def _find_in_folder(folder, recursive, output, findings):
    try:
        paths = images.find_images(folder)
    except OSError as error:
        findings.append(
            Finding(error.filename or str(folder), error.strerror or str(error), "Make it readable")
        )
        return {}
    results = None if output in (None, STREAM) else os.path.realpath(output)
    if results != os.path.realpath(folder):
        paths = [
            path for path in paths if results not in map(str, Path(os.path.realpath(path)).parents)
        ]
    paths = [path for path in paths if recursive or path.parent == folder]
    if not paths:
        extensions = " ".join(sorted(extension[1:] for extension in images.IMAGE_EXTENSIONS))
        findings.append(
            Finding(
                str(folder),
                "no pictures in this folder",
                f"Give a folder with pictures ({extensions})",
            )
        )
    return {path: path.relative_to(folder) for path in paths}


def _is_file_output(output, found, inputs):
    if output in (None, STREAM) or os.path.isdir(output) or output.endswith(("/", os.sep)):
        return False
    is_picture = Path(output).suffix.lower()[1:] in (*FORMATS, "jpeg", "tiff")
    return is_picture and not any(os.path.isdir(name) for name in inputs)


def _target_name(source, suffix, format):
    extension = source.suffix
    if format:
        extension = f".{format}"
    elif extension.lower() not in images.OUTPUT_EXTENSIONS | {".gif"}:
        extension = ".png"
    return source.stem + suffix + extension


def check_targets(
    jobs: Sequence[Job],
    overwrite: bool = False,
    findings: Iterable[Finding] = (),
    shard: slice = ALL,
) -> list[Job]:
    """Makes sure that no file is lost.

    Args:
        jobs: whose results are to be written.
        overwrite: files that exist may be replaced, though never a source.
        findings: what else is wrong.
        shard: the part of the jobs to do; others do the rest, so their results may exist.

    Returns:
        The jobs of the shard.

    Raises:
        UserError: the given findings, and one for each result that stands in the way of a file
            or can't be written.
    """
    findings = list(findings)
    sources = {_identity(job.source) for job in jobs if job.source}
    targets = {}
    writable = {}
    to_do = jobs[shard]
    own = set(map(id, to_do))
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
                    f"would be the result of {targets[identity]} and of {job}",
                    "Give them to separate calls, or --format",
                )
            )
        elif os.path.isdir(job.target):  # Path.is_dir raises where it may not look.
            findings.append(Finding(str(job.target), "is a folder", "Give another --output"))
        elif id(job) in own and os.path.lexists(job.target) and not overwrite:
            findings.append(
                Finding(
                    str(job.target),
                    "exists already",
                    "Give --overwrite, another --output or another --suffix",
                )
            )
        targets[identity] = job
        folder = job.target.parent
        if folder not in writable:
            writable[folder] = _why_not_writable(folder)
            if writable[folder]:
                findings.append(
                    Finding(
                        str(folder),
                        f"results can't be written here ({writable[folder]})",
                        "Give another --output",
                    )
                )
    if findings:
        raise UserError(findings)
    return to_do


def _identity(path):
    """Equal for two names of one file."""
    try:
        status = os.stat(path)
        return status.st_dev, status.st_ino
    except OSError:
        return os.path.join(os.path.realpath(path.parent), path.name)


def _why_not_writable(folder):
    """Tries it, in the nearest folder that exists: permissions alone don't tell."""
    while not os.path.lexists(folder):
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


@dataclass
class _Picture:
    """A decoded job. `photos` is (B, H, W, 3): B frames of an animation, or one."""

    job: Job
    photos: np.ndarray
    alphas: list
    icc_profile: bytes | None = None
    durations: Sequence[int] = ()
    loop: int | None = None


def stylize_files(
    stylizer: Stylizer,
    jobs: Sequence[Job],
    options: Options = Options(),
    *,
    batch_size: int = 1,
    on_done: Callable[[Job, Finding | None], None] = lambda job, finding: None,
) -> list[Finding]:
    """Stylizes pictures while others are read and written.

    Args:
        stylizer: does the work.
        jobs: from `plan_jobs`.
        options: what is done to each.
        batch_size: so many pictures of one size go through the network together.
        on_done: called for each job at its end, with what went wrong, if anything.

    Returns:
        One finding for each job that failed.
    """
    failures = []
    effects = {
        name: getattr(options, name) for name in ("strength", "keep_color", "match_brightness")
    }

    def finish(job, finding=None):
        if finding:
            failures.append(finding)
        on_done(job, finding)

    def attempt(pictures, function):
        try:
            return function()
        except Exception as error:
            reason, remedy = _explain(error)
            for picture in pictures:
                finish(picture, Finding(str(picture), reason, remedy))
            return None

    with ThreadPoolExecutor(2, "read") as readers, ThreadPoolExecutor(2, "write") as writers:
        writing = deque()

        def settle(limit):
            while len(writing) > limit:
                job, future = writing.popleft()
                if attempt([job], lambda: future.result() or True):
                    finish(job)

        def run(pictures):
            jobs = [picture.job for picture in pictures]
            photos = (
                pictures[0].photos
                if len(pictures) == 1
                else np.concatenate([picture.photos for picture in pictures])
            )
            anime = attempt(jobs, lambda: stylizer(photos, **effects))
            if anime is None:
                return
            count = len(photos) // len(pictures)
            for number, picture in enumerate(pictures):
                result = anime[number * count : (number + 1) * count]
                writing.append((picture.job, writers.submit(_write, picture, result, options)))
            settle(batch_size)

        waiting = defaultdict(list)
        for job, future in _ahead(readers, jobs, lambda job: _read(job, options), batch_size):
            picture = attempt([job], future.result)
            if picture is None:
                continue
            group = waiting[picture.photos.shape]
            group.append(picture)
            if len(group) == batch_size or len(picture.photos) > 1:
                run(waiting.pop(picture.photos.shape))
            elif sum(map(len, waiting.values())) > 2 * batch_size:  # Sizes differ too much.
                run(waiting.pop(max(waiting, key=lambda shape: len(waiting[shape]))))
        for group in waiting.values():
            run(group)
        settle(0)
    return failures


def _ahead(executor, jobs: Iterable, function, count):
    """(job, future) in order, `count` of them submitted before they are asked for."""
    pending = deque()
    for job in jobs:
        pending.append((job, executor.submit(function, job)))
        if len(pending) > count:
            yield pending.popleft()
    yield from pending


def _explain(error):
    """(reason, remedy) for what a single picture can fail of; anything else is a bug."""
    if isinstance(error, images.ImageError):
        return error.reason, "Replace the file"
    if isinstance(error, OSError):
        return (
            f"the result can't be written ({error.strerror or error})",
            "Make room there, or give another --output; nothing is left half-written",
        )
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return "out of memory", "Use --memory_limit, --tile or --max_side"
    if isinstance(error, ValueError):
        return str(error), "See --help"
    raise error


def _read(job, options):
    data = sys.stdin.buffer.read() if job.source is None else _read_bytes(job.source)
    if job.target is None:
        animated = options.stream_format == "gif"
    else:
        animated = job.target.suffix.lower() == ".gif"
    count = _frame_count(data)
    if count > 1 and not animated:
        raise ValueError(f"an animation of {count} frames; give --format=gif, which keeps it")
    if animated:
        frames, durations, loop = images.read_frames(data)
        frames = [_reduced(frame, options.max_side) for frame in frames]
        alphas = [frame[..., 3] if frame.shape[-1] == 4 else None for frame in frames]
        photos = np.stack([frame[..., :3] for frame in frames])
        return _Picture(job, photos, alphas, durations=durations, loop=loop)
    image = images.read_image(data)
    alpha = None if image.alpha is None else _reduced(image.alpha, options.max_side)
    return _Picture(job, _reduced(image.rgb, options.max_side)[None], [alpha], image.icc_profile)


def _read_bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise images.ImageError(str(path), error.strerror or str(error)) from error


def _frame_count(data):
    try:
        with PillowImage.open(io.BytesIO(data), formats=("GIF", "WEBP", "PNG")) as image:
            return image.n_frames
    except Exception:
        return 1  # Another format, or damaged, which reading it will tell.


def reduced_size(height: int, width: int, max_side: int) -> tuple[int, int]:
    """Height and width that fit into `max_side`, see `Options`."""
    if not max_side or max(height, width) <= max_side:
        return height, width
    scale = max_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _reduced(array, max_side):
    return images.rescale(array, *reduced_size(*array.shape[:2], max_side))


def _write(picture, anime, options):
    frames = [
        _composed(photo, result, alpha, options.compare)
        for photo, result, alpha in zip(picture.photos, anime, picture.alphas)
    ]
    target = picture.job.target
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    if picture.durations:
        frames = [rgb if alpha is None else np.dstack([rgb, alpha]) for rgb, alpha in frames]
        if target is None:
            with tempfile.TemporaryDirectory() as folder:
                written = Path(folder) / "animation.gif"
                images.write_gif(written, frames, picture.durations, picture.loop)
                _write_stream(written.read_bytes())
        else:
            images.write_gif(target, frames, picture.durations, picture.loop)
        return
    ((rgb, alpha),) = frames
    if target is None:
        _write_stream(
            images.encode_image(
                rgb, FORMATS[options.stream_format], alpha, picture.icc_profile, options.quality
            )
        )
    else:
        images.write_image(target, rgb, alpha, picture.icc_profile, options.quality)


def _write_stream(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _composed(photo, anime, alpha, compare):
    if not compare:
        return anime, alpha
    return np.hstack([photo, anime]), None if alpha is None else np.hstack([alpha, alpha])
