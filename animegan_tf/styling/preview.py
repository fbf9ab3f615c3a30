"""A sheet of some frames of a film and their results, before hours are spent on the whole."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from animegan_tf import images
from animegan_tf.errors import Finding
from animegan_tf.styling.effects import Process, reduced
from animegan_tf.styling.options import DEFAULTS, Options
from animegan_tf.styling.pipeline import explain, result_file
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.video_files import open_reader
from animegan_tf.styling.video_jobs import VideoJob
from animegan_tf.video import VideoError

_SIDE = 480  # Of a frame on the sheet, in pixels at most.


def preview_of(job: VideoJob) -> Path:
    """Where the sheet of a video goes: beside its result."""
    return job.target.with_name(f"{job.target.stem}_preview.jpg")


def preview_video(
    stylizer: Stylizer, job: VideoJob, options: Options = DEFAULTS, *, count: int
) -> Finding | None:
    """Writes a sheet with a row for each of some frames, the result to the right of its source.

    Frames are stylized at the size that the whole video would be, and reduced afterwards.

    Args:
        stylizer: does the work.
        job: from `plan_video` or `plan_jobs`; its target is not written.
        options: what is done to each frame.
        count: how many frames, spread evenly over the part of the video that is to be done.

    Returns:
        What went wrong, or None.
    """
    process = Process(stylizer, dataclasses.replace(options, compare=True))
    try:
        rows = []
        for photo in _frames(job, count):
            (row,) = process(reduced(photo, options.max_side)[None])
            rows.append(reduced(row, 2 * _SIDE))
        with result_file(preview_of(job), replace=job.replace) as path:
            images.write_image(path, np.concatenate(rows), quality=options.quality)
    except Exception as error:
        return explain(error, job.source)
    return None


def _frames(job: VideoJob, count: int) -> Iterator[np.ndarray]:
    ends = [end for end in (job.end, job.info.duration) if end is not None]
    if not ends:
        raise VideoError(job.source, "its length is unknown, so no frames can be chosen from it")
    length = Fraction(min(ends)) - job.start
    for number in range(count):
        time = job.start + length * (2 * number + 1) / (2 * count)
        with contextlib.closing(open_reader(job.source, job.info, time, job.end)) as reader:
            frame = next(iter(reader), None)
        if frame is None:
            raise VideoError(job.source, f"there is no frame at {float(time):.1f} s")
        yield frame.rgb
