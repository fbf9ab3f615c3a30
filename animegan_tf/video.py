"""Video files by PyAV: opening them safely, and their frames as upright RGB.

Everything but the constants needs PyAV; `WHY_NO_AV` says whether it is there.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame

WHY_NO_AV: str | None = None
"""Why PyAV is not used, or None where it is."""

try:
    import av
except ImportError as _error:
    WHY_NO_AV = f"PyAV is missing ({_error})"
else:
    if int(av.__version__.split(".")[0]) < 18:  # Earlier ones convert colors wrongly.
        WHY_NO_AV = f"PyAV {av.__version__} is too old"

TIME_BASE = 1_000_000
"""How many units of a container's own times are a second."""

MAX_PIXELS = 8192 * 8192
"""Larger frames are refused before they are decoded; decoders hold many at a time."""

VIDEO_EXTENSIONS = frozenset(
    {".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
"""What is taken for a video, in lower case."""

# ISO/IEC 23091-2 code points of YUV matrices.
UNSPECIFIED = 2
BT709, BT601 = 1, 6

SWSCALE_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""What swscale calls FFmpeg's code points of YUV matrices."""
_JPEG, _MPEG = 2, 1  # FFmpeg's color ranges: all of 0 to 255, and 16 to 235.
_FULL_RANGE_FORMATS = ("yuvj", "gray", "mono", "pal", "ya")


class VideoError(ValueError):
    """A file that cannot be read as a video; `path` says which, `reason` why."""

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


def is_video(path: str | os.PathLike) -> bool:
    """Whether a file's name ends like a video's."""
    return os.path.splitext(path)[1].lower() in VIDEO_EXTENSIONS


def open_video(path: str | os.PathLike) -> Any:
    """A file as PyAV's input container. It reaches for no other file and for no network.

    Raises:
        VideoError: it can't be opened as a video.
    """
    try:
        # "file:" keeps names with a colon from being taken for a protocol, and the whitelist
        # keeps playlists from opening network addresses.
        return av.open(f"file:{path}", options={"protocol_whitelist": "file,crypto,data"})
    except (av.FFmpegError, OSError) as error:
        reason = (
            "not a video, or one whose end, with its table of contents, is missing"
            if isinstance(error, av.error.InvalidDataError)
            else error.strerror or error
        )
        raise VideoError(path, str(reason)) from error


class VideoSource:
    """An open file, the frames of its first video, and what was seen on the way.

    Attributes:
        bad_packets: how many packets could not be decoded.
        broke_off: the file ended within a packet, or could not be read any further.
        end: the largest time, in the file's own seconds, that any of its packets reached.

    Raises:
        VideoError: it can't be opened, or there is no video in it.
    """

    def __init__(self, path: str | os.PathLike):
        self.container = open_video(path)
        self.stream = self.container.streams.best("video")
        if self.stream is None:
            self.container.close()
            raise VideoError(path, "there is no video in it")
        context = self.stream.codec_context
        fault = None if context else "its codec is unknown"
        if context and context.width * context.height > MAX_PIXELS:
            size = f"{context.width}x{context.height}"
            fault = f"its frames have {size}, more than {MAX_PIXELS:,} pixels"
        if fault:
            self.container.close()
            raise VideoError(path, fault)
        context.options = {"max_pixels": str(MAX_PIXELS)}  # For frames that grow later on.
        self.stream.thread_type = "AUTO"
        self.bad_packets = 0
        self.broke_off = False
        self.end = Fraction(0)

    def seek(self, time: Fraction) -> None:
        """Goes to the last place at or before a time from which frames can be decoded."""
        with contextlib.suppress(av.FFmpegError):  # Not seekable: it is read from the beginning.
            self.container.seek(int(time * TIME_BASE), backward=True)

    def frames(self) -> Iterator[VideoFrame]:
        """All frames from here on that can be decoded."""
        packets = self.container.demux()
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # The file ends within a packet, or can't be read any further.
                self.broke_off = True
                yield from self.stream.decode(None)
                return
            if packet is None:
                return
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                self.end = max(self.end, end)
            if packet.stream is self.stream:
                try:
                    yield from packet.decode()
                except av.FFmpegError:
                    self.bad_packets += 1

    def close(self) -> None:
        self.container.close()


def deinterlaced(frames: Iterable[VideoFrame], stream: Any) -> Iterator[VideoFrame]:
    """The frames of a stream, those that are interlaced made whole by FFmpeg's filter bwdif."""
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    whole = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(whole)
    whole.link_to(sink)
    graph.configure()
    for frame in itertools.chain(frames, [None]):
        graph.push(frame)
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                yield _in_time_base(graph.pull(), stream.time_base)


def _in_time_base(frame, time_base):
    if frame.pts is not None:
        frame.pts = round(frame.pts * frame.time_base / time_base)
    frame.time_base = time_base
    return frame


def matrix_of(frame: VideoFrame) -> int:
    """The code point of a frame's YUV matrix; where it is unknown, the one that players assume."""
    if frame.colorspace in SWSCALE_MATRIX:
        return int(frame.colorspace)
    return BT709 if frame.width >= 1280 or frame.height > 576 else BT601


def is_full_range(frame: VideoFrame) -> bool:
    """Whether black is 0 and white 255, not 16 and 235."""
    return (
        frame.color_range == _JPEG
        or frame.format.is_rgb
        or (
            frame.color_range not in (_JPEG, _MPEG)
            and frame.format.name.startswith(_FULL_RANGE_FORMATS)
        )
    )


def upright_rgb(
    frame: VideoFrame, *, quarter_turns: int, matrix: int, size: tuple[int, int] | None = None
) -> np.ndarray:
    """A frame as it is shown: uint8 RGB (H, W, 3).

    Args:
        frame: as decoded.
        quarter_turns: how often it is turned left to stand upright.
        matrix: see `matrix_of`.
        size: width and height of the result; None: those of the frame.
    """
    width, height = size or (None, None)
    if quarter_turns % 2:
        width, height = height, width
    rgb = frame.reformat(
        width,
        height,
        format="rgb24",
        src_colorspace=SWSCALE_MATRIX[matrix],
        dst_colorspace=SWSCALE_MATRIX[matrix],
        src_color_range=_JPEG if is_full_range(frame) else _MPEG,
        dst_color_range=_JPEG,
    ).to_ndarray()
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns))


def quarter_turns_of(frame: VideoFrame) -> int:
    """How often a frame is turned left to stand upright."""
    return round(frame.rotation / 90) % 4
