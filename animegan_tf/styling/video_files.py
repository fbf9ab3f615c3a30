"""Video files: PyAV reads and writes them where it is installed, otherwise OpenCV does.

Both readers and both writers can be used in place of each other.
"""

from __future__ import annotations

import os
import stat
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from animegan_tf.styling.video_info import VideoInfo
from animegan_tf.styling.video_opencv import OpenCvReader, OpenCvWriter
from animegan_tf.video import WHY_NO_AV, VideoError

if TYPE_CHECKING:
    from animegan_tf.styling.video_av import AvReader, AvWriter

WRITE_ERRORS: tuple[type[Exception], ...] = (OSError,)
"""What a writer raises when its file can't be written."""

if not WHY_NO_AV:
    import av

    WRITE_ERRORS = (OSError, av.FFmpegError)


def probe(path: str | os.PathLike) -> VideoInfo:
    """Reads what the file says of itself, and its first frame.

    Raises:
        VideoError: it isn't a video, or not one frame of it can be read.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # A pipe would be waited for.
            raise VideoError(path, "is a pipe or a device, not a file")
        if not status.st_size:
            raise VideoError(path, "an empty file")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise VideoError(path, error.strerror or str(error)) from error
    return _reader().probe(path)


def can_store(extension: str, codec: str) -> bool:
    """Whether a track of this codec can be copied into such a file. Needs PyAV.

    Args:
        extension: a key of `CONTAINERS`.
        codec: one of `VideoInfo.sound` or `VideoInfo.subtitles`.
    """
    from animegan_tf.styling import video_av

    return video_av.can_store(extension, codec)


def open_reader(
    path: Path, info: VideoInfo, start: Fraction = Fraction(0), end: Fraction | None = None
) -> AvReader | OpenCvReader:
    """Frames of a video from `start` up to but without `end` seconds.

    The result is an iterator of `Frame`s that begin at time 0, whatever `start` is. When it is
    exhausted, its `damage` says what of the file could not be read, or is None. It has a
    `close()`.
    """
    return _reader()(path, info, start, end)


def open_writer(
    path: Path,
    info: VideoInfo,
    *,
    codec: str | None,
    crf: int | None,
    source: Path,
    tracks: tuple[str, ...],
    end: Fraction | None,
) -> AvWriter | OpenCvWriter:
    """Writes frames one by one, and copies sound and subtitles beside them.

    Args:
        path: of the file to write; its extension is a key of `CONTAINERS`.
        info: of the source.
        codec, crf, source, tracks, end: see `AvWriter`; without PyAV they do not apply.
    """
    if WHY_NO_AV:
        return OpenCvWriter(path, info)
    from animegan_tf.styling.video_av import AvWriter

    assert codec is not None and crf is not None
    return AvWriter(path, codec, crf, info, source, tracks, end)


def _reader() -> type[AvReader] | type[OpenCvReader]:
    if WHY_NO_AV:
        return OpenCvReader
    from animegan_tf.styling.video_av import AvReader

    return AvReader
