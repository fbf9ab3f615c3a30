"""Video files by PyAV: upright RGB frames with their times in, frames and copied sound out."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from animegan_tf.styling.options import CODECS, CONTAINERS
from animegan_tf.styling.video_info import (
    Chapter,
    Color,
    Frame,
    VideoInfo,
    cut_off,
    even,
    even_size,
    missing_frames,
)
from animegan_tf.video import (
    SWSCALE_MATRIX,
    VideoError,
    VideoSource,
    deinterlaced,
    matrix_of,
    open_video,
    quarter_turns_of,
    upright_rgb,
)

_KEPT_METADATA = {
    *("title", "artist", "album", "date", "comment", "description", "genre", "copyright"),
    *("creation_time", "location"),
}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


class AvReader:
    """`open_reader` by PyAV."""

    def __init__(self, path: Path, info: VideoInfo, start: Fraction, end: Fraction | None):
        self._info, self._start, self._end = info, start, end
        self._source = VideoSource(path)
        self._complete = False
        self._count = self._corrupt = 0
        self._intervals: Counter[int] = Counter()  # Between the times of frames, in its own units.
        self.offset: Fraction | None = None
        """Seconds of the source that are time 0 here; None before the first frame is read."""
        if start:
            self._source.seek(start + info.origin)

    @staticmethod
    def probe(path: Path) -> VideoInfo:
        source = VideoSource(path)
        try:
            frame = next(source.frames(), None)
            if frame is None:
                raise VideoError(path, "there is no frame in it that can be read")
            return _describe(source.container, source.stream, frame)
        finally:
            source.container.close()

    def __iter__(self) -> Iterator[Frame]:
        info = self._info
        last = None
        frames: Iterator[Any] = self._source.frames()
        if info.interlaced:
            frames = deinterlaced(frames, self._source.stream)
        for frame in frames:
            pts = frame.pts
            if pts is None:
                pts = 0 if last is None else last + round(1 / info.rate / info.time_base)
            if last is not None:
                pts = max(pts, last + 1)
            time = pts * info.time_base - info.origin
            if time < self._start:
                continue
            if self._end is not None and time >= self._end:
                return
            if last is not None:
                self._intervals[pts - last] += 1
            last = pts
            if self.offset is None:
                self.offset = time if self._start else Fraction(0)
            self._count += 1
            self._corrupt += frame.is_corrupt
            rgb = upright_rgb(
                frame,
                quarter_turns=info.quarter_turns,
                matrix=info.color.matrix,
                size=(info.width, info.height),
            )
            yield Frame(time - self.offset, rgb)
        self._complete = True

    @property
    def damage(self) -> str | None:
        source, info = self._source, self._info
        seen = float(source.end - info.origin)
        missing = (info.duration or 0) - seen
        if self._complete and (
            source.broke_off or (info.exact_duration and missing > max(0.2, float(3 / info.rate)))
        ):
            return cut_off(max(seen, 0), info.duration)
        if self._complete and not self._start and info.frame_count:
            missing, at_least = info.frame_count - self._count, ""
        else:  # Others may be missing without a trace.
            missing, at_least = (
                max(source.bad_packets, missing_frames(self._intervals)),
                "at least ",
            )
        found = []
        if missing > 0:
            found.append(f"damaged frames left out: {at_least}{missing}")
        if self._corrupt:
            found.append(f"damaged frames taken as far as they could be read: {self._corrupt}")
        return "; ".join(found) or None

    def close(self) -> None:
        self._source.container.close()


def _describe(container, stream, frame):
    turns = quarter_turns_of(frame)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    color = Color(matrix_of(frame), int(frame.color_primaries), int(frame.color_trc))
    notes = []
    if frame.interlaced_frame:
        notes.append("interlaced, and deinterlaced here")
    if color.transfer in _HDR_TRANSFERS:
        notes.append(f"{_HDR_TRANSFERS[color.transfer]} (HDR) is kept, with 8 bits a channel")
    tells_duration = bool(stream.frames) or "matroska" in container.format.name
    return VideoInfo(
        *(frame.width, frame.height)[:: -1 if turns % 2 else 1],
        rate=stream.average_rate or stream.guessed_rate or Fraction(25),
        time_base=stream.time_base,
        origin=Fraction(container.start_time or 0, av.time_base),
        duration=container.duration and container.duration / av.time_base,
        exact_duration=tells_duration and container.duration is not None,
        sound=tuple(track.codec_context.name for track in container.streams.audio),
        quarter_turns=turns,
        pixel_aspect=1 / aspect if turns % 2 else aspect,
        color=color,
        notes=tuple(notes),
        subtitles=tuple(track.codec_context.name for track in container.streams.subtitles),
        interlaced=bool(frame.interlaced_frame),
        metadata=tuple(
            (name, value) for name, value in container.metadata.items() if name in _KEPT_METADATA
        ),
        chapters=tuple(map(_chapter, container.chapters())),
        # Of MP4 the number counts frames that an edit list hides.
        frame_count=stream.frames if container.format.name == "avi" and stream.frames else None,
    )


def _chapter(chapter):
    start, end = (Fraction(chapter[name]) * chapter["time_base"] for name in ("start", "end"))
    return Chapter(start, end, chapter["metadata"].get("title", ""))


class AvWriter:
    """Encodes frames and copies sound and subtitles beside them.

    Args:
        path: of the file to write; its extension is a key of `CONTAINERS`.
        codec: a key of `CODECS`.
        crf: quality.
        info: of the source: rate, time base, color and pixel aspect are kept.
        source: the file whose tracks are copied.
        tracks: which: "audio", "subtitle".
        end: seconds of the source at which they end; None: all of them.

    Raises:
        OSError: the file can't be written.
    """

    def __init__(
        self,
        path: Path,
        codec: str,
        crf: int,
        info: VideoInfo,
        source: Path,
        tracks: tuple[str, ...],
        end: Fraction | None,
    ):
        self._path, self._info, self._crf = path, info, crf
        self._codec = CODECS[codec]
        self._source, self._tracks, self._end = source, tracks, end
        self._container: Any = None
        self._stream: Any = None
        self._copy: _TrackCopy | None = None

    def write(self, time: Fraction, rgb: np.ndarray, offset: Fraction) -> None:
        """Appends a frame.

        Args:
            time: seconds, larger than the frame's before.
            rgb: uint8 (H, W, 3).
            offset: seconds of the source that are time 0 here; the sound begins there, too.
        """
        if self._container is None:
            self._begin(rgb.shape, offset)
        rgb = even(rgb, self._codec.odd_sizes)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame = frame.reformat(
            format="yuv420p",
            dst_colorspace=SWSCALE_MATRIX[self._info.color.matrix],
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        frame.time_base = self._info.time_base
        frame.pts = round(time / self._info.time_base)
        self._mux(self._stream.encode(frame))

    def _begin(self, shape, offset):
        format = CONTAINERS[self._path.suffix.lower()]
        options = {"movflags": "+faststart"} if format in ("mp4", "mov") else {}
        self._container = av.open(f"file:{self._path}", "w", format=format, options=options)
        info, (height, width, _) = self._info, shape
        stream = self._stream = self._container.add_stream(
            self._codec.encoder,
            rate=info.rate,
            options={**self._codec.options, "crf": str(self._crf)},
        )
        stream.width, stream.height = even_size(width, height, self._codec.odd_sizes)
        stream.pix_fmt = "yuv420p"
        stream.time_base = info.time_base
        context = stream.codec_context
        context.time_base = info.time_base
        context.sample_aspect_ratio = info.pixel_aspect
        context.color_range = ColorRange.MPEG
        context.colorspace = info.color.matrix
        context.color_primaries = info.color.primaries
        context.color_trc = info.color.transfer
        if self._codec.name == "hevc" and format in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # The one that Apple's players take.
        self._container.metadata.update(dict(info.metadata))
        self._container.set_chapters(list(_shifted(info, offset, self._end)))
        if self._tracks:
            self._copy = _TrackCopy(
                self._source, self._tracks, self._container, info.origin, offset, self._end
            )

    def _mux(self, packets):
        for packet in packets:
            if self._copy and packet.dts is not None:
                self._copy.copy_until(packet.dts * packet.time_base)
            self._container.mux(packet)

    def close(self) -> None:
        """Completes the file."""
        self._mux(self._stream.encode(None))
        if self._copy:
            self._copy.copy_until(None)
        container, self._container = self._container, None
        container.close()
        self.abandon()

    def abandon(self) -> None:
        """Lets go of the files without completing them."""
        if self._copy:
            self._copy.close()
        if self._container:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()
        self._container = self._copy = None


def _shifted(info, offset, end):
    """The chapters of a source, as PyAV takes them, in the time of the result."""
    for number, (start, stop, title) in enumerate(info.chapters):
        start, stop = (time - info.origin - offset for time in (start, stop))
        if end is not None:
            stop = min(stop, end - offset)
        if stop > max(start, 0):
            yield {
                "id": number,
                "start": round(max(start, 0) * 1000),
                "end": round(stop * 1000),
                "time_base": Fraction(1, 1000),
                "metadata": {"title": title} if title else {},
            }


class _TrackCopy:
    """Copies the packets of sound and subtitles, as they are, into another container."""

    def __init__(self, path, kinds, container, origin, offset, end):
        self._source = open_video(path)
        self._tracks = [track for track in self._source.streams if track.type in kinds]
        self._container = container
        self._targets = {}
        for track in self._tracks:
            target = container.add_stream_from_template(track)
            target.metadata.update(
                {key: track.metadata[key] for key in ("language", "title") if key in track.metadata}
            )
            self._targets[track.index] = target
        self._origin, self._offset, self._end = origin, offset, end
        self._packets = self._read()
        self._next = next(self._packets, None)

    def _read(self):
        """(time in the result, packet) of all that is wanted."""
        packets = self._source.demux(*self._tracks)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # Cut off, which the reader of the frames reports.
                return
            if packet is None:
                return
            if packet.dts is None:
                continue
            time = packet.dts * packet.time_base - self._origin
            if self._offset and time < self._offset:
                continue
            if self._end is not None and time >= self._end:
                continue
            shift = round((self._origin + self._offset) / packet.time_base)
            packet.dts -= shift
            packet.pts = packet.dts if packet.pts is None else packet.pts - shift
            yield time - self._offset, packet

    def copy_until(self, time):
        """Copies what comes up to a time of the result in seconds; None: all the rest."""
        while self._next and (time is None or self._next[0] <= time):
            packet = self._next[1]
            packet.stream = self._targets[packet.stream.index]
            self._container.mux(packet)
            self._next = next(self._packets, None)

    def close(self):
        self._source.close()


def can_store(extension: str, codec: str) -> bool:
    """Whether a track of this codec can be copied into such a file.

    Args:
        extension: a key of `CONTAINERS`.
        codec: one of `VideoInfo.sound` or `VideoInfo.subtitles`.
    """
    with av.open(io.BytesIO(), "w", format=CONTAINERS[extension]) as container:
        return av.Codec(codec).canonical_name in container.supported_codecs
