"""Videos to anime, with their sound: read, stylized and written side by side.

from animegan_tf.styling.videos import plan_video, stylize_video
stylize_video(Stylizer.load("hayao.keras"), plan_video("walk.mp4", "walk_anime.mp4"))
"""

from __future__ import annotations

import glob
import itertools
import os
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf import images
from animegan_tf.errors import Finding, UserError
from animegan_tf.styling.pictures import (
    ALL,
    DEFAULT_SUFFIX,
    STREAM,
    Job,
    Options,
    check_targets,
    reduced_size,
)
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.temporal import TemporalFilter
from animegan_tf.styling.video_files import (
    CODECS,
    CONTAINERS,
    WHY_NO_AV,
    WRITE_ERRORS,
    AvWriter,
    OpenCvWriter,
    VideoError,
    VideoInfo,
    can_store_sound,
    open_reader,
    probe,
)

VIDEO_EXTENSIONS = frozenset(CONTAINERS) | frozenset(
    [
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".f4v",
        ".flv",
        ".m2ts",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogv",
        ".ts",
        ".vob",
        ".wmv",
    ]
)
"""What `split_inputs` takes for a video, in lower case."""

_CODECS_OF_EXTENSION = {".webm": ["vp9", "av1"], ".mov": ["h264", "h265"]}
_AHEAD = 2  # So many batches wait before the network, and as many behind it.
_END = object()


@dataclass(frozen=True)
class VideoJob:
    """One video: where it comes from, where its result goes, and how that is encoded.

    Attributes:
        source, target: files.
        info: of the source.
        codec, crf: as in `plan_video`, the defaults filled in; None without PyAV.
        start, end: seconds of the source, exact to the microsecond; end None: up to its end.
        sound: the sound is copied.
    """

    source: Path
    target: Path
    info: VideoInfo
    codec: str | None
    crf: int | None
    start: Fraction
    end: Fraction | None
    sound: bool

    @property
    def frames(self) -> int | None:
        """About so many frames are to be done; None: unknown."""
        ends = [end for end in (self.end, self.info.duration) if end is not None]
        return round((min(ends) - self.start) * self.info.rate) if ends else None


def split_inputs(inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tells pictures from videos by the extension.

    Returns:
        Files, folders, patterns and "-" for `plan_jobs`; files and patterns for `plan_videos`.
    """
    pictures, videos = [], []
    for name in inputs:
        matches = _matches(name) or [name]
        others = [match for match in matches if not _is_video(match)]
        if len(others) < len(matches):
            videos.append(name)
            pictures += others
        else:
            pictures.append(name)
    return pictures, videos


def _matches(name):
    if name == STREAM or os.path.exists(name) or not glob.has_magic(os.fspath(name)):
        return []
    return sorted(glob.glob(os.fspath(name), recursive=True))


def _is_video(name):
    return Path(name).suffix.lower() in VIDEO_EXTENSIONS and not os.path.isdir(name)


def plan_video(
    source: str | os.PathLike, target: str | os.PathLike | None = None, **settings
) -> VideoJob:
    """`plan_videos` for one video; `target` is a file."""
    output = None if target is None else os.fspath(target)
    if output is not None and Path(output).suffix.lower() not in CONTAINERS:
        raise UserError(
            Finding(
                output, f"expected a name that ends with {_one_of(CONTAINERS)}", "Give another name"
            )
        )
    return plan_videos([source], output=output, **settings)[0]


def plan_videos(
    sources: Sequence[str | os.PathLike],
    *,
    output: str | None = None,
    suffix: str | None = None,
    codec: str | None = None,
    crf: int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    sound: bool = True,
    overwrite: bool = False,
    shard: slice = ALL,
) -> list[VideoJob]:
    """Reads what the videos are, and finds a place for each result.

    Args:
        sources: files, or patterns such as "clips/*.mp4".
        output: a folder, or a file for one source. None: beside the source. The extension of
            a result is its source's, or .mp4 where that can't be written.
        suffix: stands between name and extension; None: "_anime" beside the source, nothing in
            an output folder.
        codec: a key of `CODECS`; None: "vp9" in .webm, else "h264".
        crf: quality, lower is better; None: the codec's in `CODECS`.
        start, duration: the part to take, in seconds; None: up to the end.
        sound: the sound is copied, packet by packet.
        overwrite: existing results are replaced.
        shard: from `files.parse_shard`: only so many of the videos, in the order of their paths.

    Raises:
        UserError: a source is no video, a setting is impossible, or a result would be in the way
            of a file; all findings at once.
    """
    findings = _wrong_settings(codec, crf, start, duration)
    paths = {}
    for source in sources:
        matches = [Path(match) for match in _matches(source) if _is_video(match)]
        paths.update(dict.fromkeys(matches, False))
        if not matches:
            paths[Path(source)] = True  # Asked for by its name.
    to_file = (
        output is not None
        and not os.path.isdir(output)
        and Path(output).suffix.lower() in CONTAINERS
    )
    if to_file and len(paths) > 1:
        findings.append(
            Finding(f"--output={output}", f"one file for {len(paths)} videos", "Give a folder")
        )
    if output == STREAM:
        findings.append(
            Finding("--output=-", "a video can't go to standard output", "Give a file or a folder")
        )
    suffix = (DEFAULT_SUFFIX if output is None else "") if suffix is None else suffix
    jobs = []
    for source in paths:
        extension = source.suffix.lower()
        extension = source.suffix if extension in CONTAINERS else ".mp4"
        folder = source.parent if output is None else Path(output)
        target = Path(output) if to_file else folder / (source.stem + suffix + extension)
        try:
            info = probe(source)
        except VideoError as error:
            findings.append(Finding(error.path, error.reason, "Give another file"))
            continue
        if info.duration is not None and start >= info.duration:
            findings.append(
                Finding(
                    f"--start={start:g}",
                    f"{source} ends before, at {info.duration:.1f} s",
                    "Give an earlier start",
                )
            )
        job = VideoJob(
            source,
            target,
            info,
            *_choose_codec(target, codec, crf),
            _exact(start),
            None if duration is None else _exact(start + duration),
            sound and bool(info.sound),
        )
        findings += _wrong_format(job)
        jobs.append(job)
    # Results of an earlier call that match the same pattern are no sources.
    results = {job.target for job in jobs if job.target != job.source}
    jobs = [job for job in jobs if paths[job.source] or job.source not in results]
    if shard != ALL:
        jobs.sort(key=lambda job: job.source.as_posix())
    check_targets([Job(job.source, job.target) for job in jobs], overwrite, findings, shard)
    return jobs[shard]


def _exact(seconds):
    return Fraction(seconds).limit_denominator(1_000_000)


def _one_of(names):
    *others, last = names
    return f"{', '.join(others)} or {last}"


def _wrong_settings(codec, crf, start, duration):
    findings = []
    if codec is not None and codec not in CODECS:
        findings.append(Finding(f"--codec={codec}", "unknown codec", f"Give {_one_of(CODECS)}"))
    if WHY_NO_AV:
        findings += [
            Finding(
                f"--{name}={value}",
                f"{WHY_NO_AV}, and without it the encoder can't be chosen",
                "pip install 'animegan-tf[video]'",
            )
            for name, value in (("codec", codec), ("crf", crf))
            if value is not None
        ]
    if start < 0:
        findings.append(Finding(f"--start={start:g}", "before the beginning", "Give 0 or more"))
    if duration is not None and duration <= 0:
        findings.append(
            Finding(
                f"--duration={duration:g}",
                "nothing is left of the video",
                "Give more than 0 seconds",
            )
        )
    return findings


def _choose_codec(target, codec, crf):
    if WHY_NO_AV:
        return None, None
    codec = codec or ("vp9" if target.suffix.lower() == ".webm" else "h264")
    return codec, CODECS[codec].crf if crf is None and codec in CODECS else crf


def _wrong_format(job):
    extension = job.target.suffix.lower()
    codecs = _CODECS_OF_EXTENSION.get(extension, list(CODECS))
    if WHY_NO_AV or job.codec not in CODECS:
        return
    if job.codec not in codecs:
        yield Finding(
            str(job.target),
            f"{extension} files can't hold {job.codec}",
            f"Give --codec={_one_of(codecs)}, or --output=NAME.mkv",
        )
    if not 0 <= job.crf <= CODECS[job.codec].max_crf:
        yield Finding(
            f"--crf={job.crf}",
            f"out of the range of {job.codec}",
            f"Give 0 to {CODECS[job.codec].max_crf}",
        )
    lost = [name for name in job.info.sound if job.sound and not can_store_sound(extension, name)]
    if lost:
        yield Finding(
            str(job.source),
            f"its sound ({', '.join(lost)}) can't be copied into {extension}",
            "Give --output=NAME.mkv, or --nosound",
        )


def stylize_video(
    stylizer: Stylizer,
    job: VideoJob,
    options: Options = Options(),
    *,
    batch_size: int = 1,
    temporal: bool = False,
    on_frames: Callable[[int], None] = lambda count: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Finding | None:
    """Stylizes a video while its frames are read ahead and written behind.

    Times, rotation (applied to the pixels), pixel aspect and color space are kept; sound is
    copied without encoding it again. However long the video is, only a few batches of frames are
    in memory. The target appears when it is complete.

    Args:
        stylizer: does the work.
        job: from `plan_video`.
        options: what is done to each frame; `quality` and `stream_format` do not apply.
        batch_size: so many frames go through the network together.
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
    reason, remedy = "", "Replace the file"
    try:
        damage = _stylize(stylizer, job, options, batch_size, temporal, on_frames)
        return (
            Finding(str(job.source), damage, f"{job.target} has what could be read")
            if (damage)
            else None
        )
    except VideoError as error:
        reason = error.reason
    except WRITE_ERRORS as error:
        reason = f"the result can't be written ({getattr(error, 'strerror', None) or error})"
        remedy = "Make room there, or give another --output; nothing is left half-written"
    except (MemoryError, tf.errors.ResourceExhaustedError):
        reason, remedy = "out of memory", "Use --memory_limit, --tile or --max_side"
    except ValueError as error:
        reason, remedy = str(error), "See --help"
    return Finding(str(job.source), reason, remedy)


def _notes(job, options):
    if WHY_NO_AV:
        yield (
            f"{WHY_NO_AV}: results are silent, of constant frame rate, and MPEG-4 of OpenCV's "
            "quality. For more: pip install 'animegan-tf[video]'"
        )
    yield from (f"{job.source}: {note}" for note in job.info.notes)
    width, height = _result_size(job.info, options)
    if (width % 2 or height % 2) and not (job.codec and CODECS[job.codec].odd_sizes):
        remedy = "" if WHY_NO_AV else "; --codec=vp9 keeps the size"
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
    effects = {
        name: getattr(options, name) for name in ("strength", "keep_color", "match_brightness")
    }
    steady = TemporalFilter() if temporal else lambda photos, animes: animes
    size = _result_size(job.info, options)
    if job.codec and min(size) < CODECS[job.codec].min_side:
        raise ValueError(
            f"{job.codec} needs {CODECS[job.codec].min_side} pixels on each side, not "
            f"{size[0]}x{size[1]}; give another --codec"
        )
    job.target.parent.mkdir(parents=True, exist_ok=True)
    temporary = job.target.parent / f".{uuid.uuid4().hex}{job.target.suffix}"
    writer = _open_writer(job, temporary)
    reader = open_reader(job.source, job.info, job.start, job.end)
    try:
        # One thread each: frames stay in order, and the containers in one thread at a time.
        with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
            pending = deque()

            def settle(limit):
                while len(pending) > limit:
                    on_frames(pending.popleft().result())

            batches = _batches(reader, job.info, options.max_side, batch_size)
            for times, photos in _ahead(reading, batches, _AHEAD):
                animes = steady(photos, stylizer(photos, **effects))
                if options.compare:
                    animes = np.concatenate([photos, animes], axis=2)
                pending.append(writing.submit(_write, writer, times, animes, reader.offset))
                settle(_AHEAD)
            settle(0)
        if reader.offset is None:
            raise VideoError(job.source, "there is no frame in this part of it")
        writer.close()
        os.replace(temporary, job.target)
    finally:
        writer.abandon()
        reader.close()
        temporary.unlink(missing_ok=True)
    return reader.damage


def _open_writer(job, path):
    if WHY_NO_AV:
        return OpenCvWriter(path, job.info)
    return AvWriter(path, job.codec, job.crf, job.info, job.source if job.sound else None, job.end)


def _batches(reader, info, max_side, batch_size):
    """(times, uint8 (B, H, W, 3)) of consecutive frames."""
    size = _reduced_size(info, max_side)
    frames = iter(reader)
    while True:
        batch = list(itertools.islice(frames, batch_size))
        if not batch:
            return
        yield (
            [frame.time for frame in batch],
            np.stack([images.rescale(frame.rgb, *size) for frame in batch]),
        )


def _ahead(executor, iterator, count):
    """The iterator's items, of which `count` are made before they are asked for."""
    pending = deque(executor.submit(next, iterator, _END) for _ in range(count))
    while True:
        item = pending.popleft().result()
        if item is _END:
            return
        pending.append(executor.submit(next, iterator, _END))
        yield item


def _write(writer, times, animes, offset):
    for time, anime in zip(times, animes):
        writer.write(time, anime, offset)
    return len(animes)
