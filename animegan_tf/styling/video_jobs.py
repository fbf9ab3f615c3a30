"""What is to be done with one video, and whether its format can hold that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from animegan_tf.errors import Finding
from animegan_tf.styling import video_files
from animegan_tf.styling.options import CODECS, CONTAINERS
from animegan_tf.styling.video_files import can_store, probe
from animegan_tf.styling.video_info import VideoInfo

_CODECS_OF_EXTENSION = {".webm": ["vp9", "av1"], ".mov": ["h264", "h265"]}


@dataclass(frozen=True)
class VideoSettings:
    """What is taken from a video and how its result is encoded.

    Attributes:
        codec: a key of `CODECS`; None: "vp9" in .webm, else "h264".
        crf: quality, lower is better; None: the codec's in `CODECS`.
        start, duration: the part to take, in seconds; None: up to the end.
        sound: the sound is copied, packet by packet.
        subtitles: so are the subtitles.
        target_fps: frames a second at most; the others are left out. None: all frames.
    """

    codec: str | None = None
    crf: int | None = None
    start: float = 0.0
    duration: float | None = None
    sound: bool = True
    subtitles: bool = False
    target_fps: float | None = None

    def findings(self) -> list[Finding]:
        """What no video could be made with."""
        found = []
        if self.codec is not None and self.codec not in CODECS:
            found.append(
                Finding(f"--codec={self.codec}", "unknown codec", f"Give {one_of(CODECS)}")
            )
        if video_files.WHY_NO_AV:
            found += [
                Finding(
                    f"--{name}={value}",
                    f"{video_files.WHY_NO_AV}, and without it the encoder can't be chosen",
                    "pip install 'animegan-tf[video]'",
                )
                for name, value in (("codec", self.codec), ("crf", self.crf))
                if value is not None
            ]
        if self.target_fps is not None and not 0 < self.target_fps <= 1000:
            found.append(
                Finding(f"--target_fps={self.target_fps:g}", "no rate of frames", "Give 1 to 1000")
            )
        if self.start < 0:
            found.append(
                Finding(f"--start={self.start:g}", "before the beginning", "Give 0 or more")
            )
        if self.duration is not None and self.duration <= 0:
            found.append(
                Finding(
                    f"--duration={self.duration:g}",
                    "nothing is left of the video",
                    "Give more than 0 seconds",
                )
            )
        return found


WHOLE = VideoSettings()
"""The whole video with its sound, in the codec that suits its format."""


@dataclass(frozen=True)
class VideoJob:
    """One video: where it comes from, where its result goes, and how that is encoded.

    Attributes:
        source, target: files.
        info: of the source.
        codec, crf: as in `VideoSettings`, the defaults filled in; None without PyAV.
        start, end: seconds of the source, exact to the microsecond; end None: up to its end.
        sound, subtitles: they are copied.
        target_fps: frames a second, fewer than the source has; None: all frames at their times.
        replace: a target that exists is replaced.
    """

    source: Path
    target: Path
    info: VideoInfo
    codec: str | None
    crf: int | None
    start: Fraction
    end: Fraction | None
    sound: bool
    replace: bool = False
    subtitles: bool = False
    target_fps: Fraction | None = None

    @property
    def frames(self) -> int | None:
        """About how many frames are to be done; None: unknown."""
        ends = [end for end in (self.end, self.info.duration) if end is not None]
        return (
            round((min(ends) - self.start) * (self.target_fps or self.info.rate)) if ends else None
        )

    def findings(self) -> Iterator[Finding]:
        """What stands in the way of this job."""
        if self.info.duration is not None and self.start >= self.info.duration:
            yield Finding(
                f"--start={float(self.start):g}",
                f"{self.source} ends before, at {self.info.duration:.1f} s",
                "Give an earlier start",
            )
        if self.codec not in CODECS:
            return
        assert self.codec is not None and self.crf is not None
        extension = self.target.suffix.lower()
        codecs = _CODECS_OF_EXTENSION.get(extension, list(CODECS))
        if self.codec not in codecs:
            yield Finding(
                str(self.target),
                f"{extension} files can't hold {self.codec}",
                f"Give --codec={one_of(codecs)}, or --output=NAME.mkv",
            )
        if not 0 <= self.crf <= CODECS[self.codec].max_crf:
            yield Finding(
                f"--crf={self.crf}",
                f"out of the range of {self.codec}",
                f"Give 0 to {CODECS[self.codec].max_crf}",
            )
        for wanted, kind, names, remedy in (
            (self.sound, "sound", self.info.sound, "--nosound"),
            (self.subtitles, "subtitles", self.info.subtitles, "leave --map out"),
        ):
            lost = [name for name in names if wanted and not can_store(extension, name)]
            if lost:
                yield Finding(
                    str(self.source),
                    f"its {kind} ({', '.join(lost)}) can't be copied into {extension}",
                    f"Give --output=NAME.mkv, or {remedy}",
                )


def video_job(
    source: Path, target: Path, settings: VideoSettings, replace: bool = False
) -> VideoJob:
    """Reads what the source is and fills in the defaults.

    Raises:
        VideoError: it isn't a video that can be read.
    """
    info = probe(source)
    codec, crf = None, None
    if not video_files.WHY_NO_AV:
        codec = settings.codec or ("vp9" if target.suffix.lower() == ".webm" else "h264")
        crf = CODECS[codec].crf if settings.crf is None and codec in CODECS else settings.crf
    end = None if settings.duration is None else _exact(settings.start + settings.duration)
    sound = settings.sound and bool(info.sound)
    subtitles = settings.subtitles and bool(info.subtitles)
    fps = (
        None
        if settings.target_fps is None
        else Fraction(settings.target_fps).limit_denominator(1001)
    )
    return VideoJob(
        source,
        target,
        info,
        codec,
        crf,
        _exact(settings.start),
        end,
        sound,
        replace,
        subtitles,
        fps if fps and fps < info.rate else None,
    )


def result_extension(source: Path) -> str:
    """The source's extension, or .mp4 where that can't be written."""
    return source.suffix if source.suffix.lower() in CONTAINERS else ".mp4"


def one_of(names: Iterable[str]) -> str:
    """ "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _exact(seconds):
    return Fraction(seconds).limit_denominator(1_000_000)
