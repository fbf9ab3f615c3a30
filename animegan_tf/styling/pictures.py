"""Many pictures to anime, while others are read and written.

A picture that fails is reported at the end and does not stop the others; no source is ever
written to.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sys
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import BinaryIO, NamedTuple

import numpy as np

from animegan_tf import images
from animegan_tf.errors import Finding
from animegan_tf.memory import MemoryBudget
from animegan_tf.parallel import map_ahead
from animegan_tf.styling.animations import GifWriter
from animegan_tf.styling.effects import Process, reduced
from animegan_tf.styling.jobs import Job
from animegan_tf.styling.options import DEFAULTS, FORMATS, Options
from animegan_tf.styling.pipeline import explain, result_file, run_in_order, threads
from animegan_tf.styling.stylizer import Stylizer


class _Picture(NamedTuple):
    """A decoded job: uint8 (H, W, 3), and (H, W) or None."""

    job: Job
    photo: np.ndarray
    alpha: np.ndarray | None
    icc_profile: bytes | None = None


class _Animation(NamedTuple):
    """A job whose frames are decoded one after another."""

    job: Job
    file: images.PictureFile


def stylize_files(
    stylizer: Stylizer,
    jobs: Sequence[Job],
    options: Options = DEFAULTS,
    *,
    batch_size: int = 1,
    on_done: Callable[[Job, Finding | None], None] = lambda job, finding: None,
    on_frames: Callable[[Job, int, int], None] = lambda job, count, total: None,
) -> list[Finding]:
    """Stylizes pictures while others are read and written.

    A picture that takes more memory than `stylizer` may use is refused before it is decoded. Of an
    animation a few frames are in memory at a time.

    Args:
        stylizer: does the work.
        jobs: from `plan_jobs`.
        options: what is done to each.
        batch_size: how many pictures of one size go through the network together.
        on_done: called for each job at its end, with what went wrong, if anything.
        on_frames: called for an animation with the number of frames that have been done since the
            last call, and the number of all.

    Returns:
        One finding for each job that failed.
    """
    return _Pictures(stylizer, options, batch_size, on_done, on_frames).run(jobs)


class _Pictures:
    """The work on a list of pictures: read in threads, grouped by size, written in threads."""

    def __init__(self, stylizer, options, batch_size, on_done, on_frames):
        self._process, self._options = Process(stylizer, options), options
        self._batch_size = batch_size
        self._on_done, self._on_frames = on_done, on_frames
        memory = stylizer.picture_memory
        self._limits = images.Limits(max_memory=memory, at_least=options.max_side or None)
        self._budget = MemoryBudget(memory)
        self._standard_input: bytes | None = None
        self._failures: list[Finding] = []
        self._waiting: dict[tuple, list[_Picture]] = defaultdict(list)
        self._writing: deque[tuple[Job, Future]] = deque()

    def run(self, jobs: Sequence[Job]) -> list[Finding]:
        for job in jobs:
            if job.source is None:  # Read here: Ctrl-C does not end a thread that waits for input.
                with self._reported(job):
                    self._standard_input = images.read_stream(sys.stdin.buffer)
        jobs = [job for job in jobs if job.source or self._standard_input is not None]
        with threads(2, "read") as readers, threads(2, "write") as self._writers:
            for job, future in map_ahead(readers, self._read, jobs, self._batch_size):
                with self._reported(job):
                    self._add(future.result())
            for group in self._waiting.values():
                self._stylize(group)
            self._settle(0)
        return self._failures

    @contextlib.contextmanager
    def _reported(self, *jobs: Job) -> Iterator[None]:
        """An error inside ends these jobs, not the others."""
        try:
            yield
        except Exception as error:
            for job in jobs:
                self._finish(job, explain(error, job))

    def _finish(self, job, finding=None):
        if finding:
            self._failures.append(finding)
        self._on_done(job, finding)

    def _read(self, job):
        """Decodes a job, or opens it if it is an animation."""
        file = images.PictureFile(
            self._standard_input if job.source is None else job.source, self._limits
        )
        count = file.frame_count
        if count > 1:
            if not self._becomes_gif(job):
                raise ValueError(f"an animation of {count} frames; give --format=gif to keep it")
            return _Animation(job, file)
        with self._budget.hold(file.memory):
            image = file.image()
        max_side = self._options.max_side
        alpha = None if image.alpha is None else reduced(image.alpha, max_side)
        return _Picture(job, reduced(image.rgb, max_side), alpha, image.icc_profile)

    def _becomes_gif(self, job):
        if job.target is None:
            return self._options.stream_format == "gif"
        return job.target.suffix.lower() == ".gif"

    def _add(self, item):
        """Stylizes a picture together with others of its size, as soon as there are enough."""
        if isinstance(item, _Animation):
            self._animate(item)
            return
        group = self._waiting[item.photo.shape]
        group.append(item)
        if len(group) == self._batch_size:
            self._stylize(self._waiting.pop(item.photo.shape))
        elif sum(map(len, self._waiting.values())) > 2 * self._batch_size:  # Sizes differ too much.
            largest = max(self._waiting, key=lambda shape: len(self._waiting[shape]))
            self._stylize(self._waiting.pop(largest))

    def _stylize(self, pictures):
        with self._reported(*(picture.job for picture in pictures)):
            first = pictures[0].photo[None]  # Large ones are not copied.
            rest = [picture.photo[None] for picture in pictures[1:]]
            results = self._process(np.concatenate([first, *rest]) if rest else first)
            for picture, result in zip(pictures, results):
                future = self._writers.submit(self._write, picture, result)
                self._writing.append((picture.job, future))
        self._settle(self._batch_size)

    def _settle(self, limit):
        """Waits until at most `limit` results are being written."""
        while len(self._writing) > limit:
            job, future = self._writing.popleft()
            with self._reported(job):
                future.result()
                self._finish(job)

    def _write(self, picture, result):
        options = self._options
        alpha = self._alpha(picture.alpha)
        if self._becomes_gif(picture.job):
            with _opened(picture.job) as file:
                writer = GifWriter(file, loop=None)
                writer.add(_with_alpha(result, alpha), 0)
                writer.close()
        elif picture.job.target is None:
            format = FORMATS[options.stream_format]
            profile = picture.icc_profile
            _write_stream(images.encode_image(result, format, alpha, profile, options.quality))
        else:
            with result_file(picture.job.target, picture.job.replace) as path:
                images.write_image(path, result, alpha, picture.icc_profile, options.quality)

    def _animate(self, animation):
        job, file = animation
        total = file.frame_count
        with _opened(job) as output:
            writer = GifWriter(output, file.loop)

            def write(batch):
                for result, alpha, duration in zip(*batch):
                    writer.add(_with_alpha(result, self._alpha(alpha)), duration)
                return len(batch[0])

            run_in_order(
                self._batches(file.frames()),
                lambda batch: (self._process(batch[0]), *batch[1:]),
                write,
                lambda count: self._on_frames(job, count, total),
            )
            writer.close()
        self._finish(job)

    def _batches(self, frames):
        """(uint8 (B, H, W, 3), alphas, durations) of consecutive frames."""
        while batch := list(itertools.islice(frames, self._batch_size)):
            pictures, durations = zip(*batch)
            max_side = self._options.max_side
            alphas = [
                None if image.alpha is None else reduced(image.alpha, max_side)
                for image in pictures
            ]
            yield np.stack([reduced(image.rgb, max_side) for image in pictures]), alphas, durations

    def _alpha(self, alpha):
        return np.hstack([alpha, alpha]) if alpha is not None and self._options.compare else alpha


def _with_alpha(rgb, alpha):
    return rgb if alpha is None else np.dstack([rgb, alpha])


@contextlib.contextmanager
def _opened(job: Job) -> Iterator[BinaryIO]:
    """A file that becomes the job's result at the end."""
    if job.target is None:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    else:
        with result_file(job.target, job.replace) as path, open(path, "wb") as file:
            yield file


def _write_stream(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
