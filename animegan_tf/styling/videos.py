"""Videos to anime, with their sound: read, stylized, and written side by side.

from animegan_tf import Stylizer
from animegan_tf.styling.plan import plan_video
from animegan_tf.styling.videos import stylize_video

stylize_video(Stylizer.load("hayao.keras"), plan_video("walk.mp4", "walk_anime.mp4"))
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np

from animegan_tf import images
from animegan_tf.errors import Finding
from animegan_tf.styling import video_files
from animegan_tf.styling.effects import Process, reduced_size
from animegan_tf.styling.options import CODECS, DEFAULTS, Options
from animegan_tf.styling.pipeline import explain, result_file, run_in_order
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.video_files import open_reader, open_writer
from animegan_tf.styling.video_info import Frame, VideoInfo
from animegan_tf.styling.video_jobs import VideoJob
from animegan_tf.video import VideoError


def stylize_video(
    stylizer: Stylizer,
    job: VideoJob,
    options: Options = DEFAULTS,
    *,
    batch_size: int = 1,
    temporal: bool = False,
    on_frames: Callable[[int], None] = lambda count: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Finding | None:
    """Stylizes a video while its frames are read ahead and written behind.

    Times, rotation (applied to the pixels), pixel aspect, and color space are kept; sound,
    chapters, titles, and where wanted subtitles are copied as they are. However long the video is,
    only a few batches of frames are in memory. The target appears when it is complete.

    Args:
        stylizer: does the work.
        job: from `plan_video` or `plan_jobs`.
        options: what is done to each frame; `quality` and `stream_format` do not apply.
        batch_size: how many frames go through the network together.
        temporal: less flicker, see `TemporalFilter`.
        on_frames: called with the number of frames that have been done since the last call.
        on_note: called before the work begins with what of the source will be lost, one line
            each.

    Returns:
        None if the whole video is done. Otherwise what went wrong: with a source that is damaged
        or cut off the target holds what could be read; in all other cases there is no target.
    """
    for note in _notes(job, options):
        on_note(note)
    try:
        damage = _stylize(stylizer, job, options, batch_size, temporal, on_frames)
    except Exception as error:
        return explain(error, job.source)
    return damage and Finding(str(job.source), damage, f"{job.target} has what could be read")


def _notes(job, options):
    if video_files.WHY_NO_AV:
        yield (
            f"{video_files.WHY_NO_AV}: results are silent, of constant frame rate, and MPEG-4 of "
            "OpenCV's quality. For more: pip install 'animegan-tf[video]'"
        )
    yield from (f"{job.source}: {note}" for note in job.info.notes)
    if job.info.subtitles and not job.subtitles:
        yield f"{job.source}: subtitles are left out; --map all keeps them"
    width, height = _result_size(job.info, options)
    if (width % 2 or height % 2) and not (job.codec and CODECS[job.codec].odd_sizes):
        remedy = "" if video_files.WHY_NO_AV else "; --codec=vp9 keeps the size"
        yield (
            f"{job.source}: the result has {width + width % 2}x{height + height % 2} pixels, "
            f"the last row or column twice, since {job.codec or 'MPEG-4'} stores even sizes "
            f"only{remedy}"
        )


def _result_size(info, options):
    height, width = _reduced_size(info, options.max_side)
    return (2 * width if options.compare else width), height


def _reduced_size(info, max_side):
    """Even, where the size changes in any case: most codecs store even sizes only."""
    size = reduced_size(info.height, info.width, max_side)
    if size == (info.height, info.width):
        return size
    return tuple(max(2, 2 * round(side / 2)) for side in size)


def _stylize(stylizer, job, options, batch_size, temporal, on_frames):
    """Writes the target; returns what of the source could not be read, or None."""
    size = _result_size(job.info, options)
    if job.codec and min(size) < CODECS[job.codec].min_side:
        raise ValueError(
            f"{job.codec} needs {CODECS[job.codec].min_side} pixels on each side, not "
            f"{size[0]}x{size[1]}; give another --codec"
        )
    process = Process(stylizer, options, temporal=temporal)
    tracks = (("audio",) if job.sound else ()) + (("subtitle",) if job.subtitles else ())
    info = job.info
    if job.target_fps:
        info = dataclasses.replace(info, rate=job.target_fps, time_base=1 / job.target_fps)
    with (
        result_file(job.target, job.replace) as temporary,
        contextlib.closing(open_reader(job.source, job.info, job.start, job.end)) as reader,
    ):
        writer = open_writer(
            temporary,
            info,
            codec=job.codec,
            crf=job.crf,
            source=job.source,
            tracks=tracks,
            end=job.end,
        )

        def write(batch):
            times, animes = batch
            for time, anime in zip(times, animes):
                writer.write(time, anime, reader.offset)
            return len(animes)

        try:
            run_in_order(
                _batches(_thinned(reader, job.target_fps), info, options.max_side, batch_size),
                lambda batch: (batch[0], process(batch[1])),
                write,
                on_frames,
            )
            if reader.offset is None:
                raise VideoError(job.source, "there is no frame in this part of it")
            writer.close()
        finally:
            writer.abandon()
    return reader.damage


def _thinned(frames: Iterable[Frame], fps: Fraction | None) -> Iterator[Frame]:
    """The first frame of each interval of a constant rate, at the beginning of the interval."""
    last = -1
    for frame in frames:
        if fps is None:
            yield frame
        elif int(frame.time * fps) > last:
            last = int(frame.time * fps)
            yield Frame(last / fps, frame.rgb)


def _batches(
    reader: Iterable[Frame], info: VideoInfo, max_side: int, batch_size: int
) -> Iterator[tuple[list[Fraction], np.ndarray]]:
    """(times, uint8 (B, H, W, 3)) of consecutive frames."""
    size = _reduced_size(info, max_side)
    frames = iter(reader)
    while batch := list(itertools.islice(frames, batch_size)):
        yield (
            [frame.time for frame in batch],
            np.stack([images.rescale(frame.rgb, *size) for frame in batch]),
        )
