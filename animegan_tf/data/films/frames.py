"""From films to a folder of pictures, and what stands in the way of that."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from animegan_tf import images
from animegan_tf.data.films.bars import find_bars
from animegan_tf.data.films.choose import Choice, Chooser, Taken
from animegan_tf.data.films.looks import Look, look_at
from animegan_tf.data.films.luma import Crop, glance_at, planes_of
from animegan_tf.data.films.shots import ShotFinder
from animegan_tf.data.films.sources import Film, FrameSettings
from animegan_tf.data.films.spread import spread
from animegan_tf.data.films.summary import Summary, TakenFrame
from animegan_tf.errors import Finding, UserError, WorkFailed
from animegan_tf.opencv import cv2
from animegan_tf.video import (
    VideoSource,
    matrix_of,
    quarter_turns_of,
    upright_rgb,
)

_GLANCES_A_SECOND = 12
_GLANCES_A_LOOK = 2
_SPARE = 1.2  # Frames that are written for each that is wanted, so that there is a choice.
_SHORTEST_SLOT = 1 / 3  # Seconds.
_UNKNOWN_SLOT = 0.6  # Where the films' length is not known.
_QUALITY = 95  # Of JPEG.
_AHEAD = 4  # Pictures that wait to be written.
_TELL_EVERY = 50  # Frames.


def take_frames(
    films: Sequence[Film],
    output: Path,
    settings: FrameSettings,
    *,
    on_frames: Callable[[int], None] = lambda count: None,
) -> Summary:
    """Writes the best frames of films to a new folder, and beside it what was taken.

    Each film is decoded once. The folder appears whole or not at all; `NAME_frames.txt` and
    `NAME_frames.jpg` beside it are the summary and a sheet of the frames.

    Args:
        films: from `open_films`.
        output: a folder that is empty or not there yet.
        settings: which frames are taken.
        on_frames: called with how many frames of the films have been seen since the last call.

    Returns:
        What was taken and what was left out. Its `damage` names films that could not be read
        whole.

    Raises:
        UserError: something is in the way of the results.
        WorkFailed: not one frame is fit, or the results can't be written.
    """
    check_output(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            ".partial", f".{output.name}.", output.parent, ignore_cleanup_errors=True
        ) as working:
            folder = Path(working, output.name)
            folder.mkdir()
            return _take(films, folder, output, settings, on_frames)
    except OSError as error:
        raise WorkFailed(
            Finding(
                str(output),
                f"the frames can't be written ({error.strerror or error})",
                "Make room there, or give another --output; nothing is left half-written",
            )
        ) from error


def check_output(output: Path) -> None:
    """Makes sure that nothing is in the way of the results.

    Raises:
        UserError: there is.
    """
    taken = [path for path in summary_files(output) if os.path.lexists(path)]
    if os.path.lexists(output) and not (output.is_dir() and not any(output.iterdir())):
        taken.insert(0, output)
    if taken:
        raise UserError(
            Finding(str(path), "exists already", "Give another --output, or move it away")
            for path in taken
        )


def summary_files(output: Path) -> tuple[Path, Path]:
    """The summary and the sheet that belong to a folder of frames."""
    return (
        output.with_name(f"{output.name}_frames.txt"),
        output.with_name(f"{output.name}_frames.jpg"),
    )


def _slot_of(films, settings):
    """Seconds of a shot of which one frame is taken, so that about `count` come together."""
    if any(film.seconds is None for film in films):
        return _UNKNOWN_SLOT
    left = sum(film.seconds - settings.skip_start - settings.skip_end for film in films)
    return max(_SHORTEST_SLOT, left / (settings.count * _SPARE))


def _take(films, folder, output, settings, on_frames):
    summary = Summary(settings.count)
    taken = Taken()
    slot = _slot_of(films, settings)
    with _Writer(folder, len(films)) as writer:
        for number, film in enumerate(films):
            for choice, crop, matrix in _choices(film, settings, slot, summary, on_frames):
                if taken.add(choice.look.fingerprint):
                    writer.add(number, film, choice, crop, matrix, summary.shots)
                else:
                    summary.left_out["copy"] += 1
        written = writer.finish()
    kept = spread(
        [frame.shot for frame in written],
        [frame.rank for frame in written],
        settings.count,
        settings.seed,
    )
    summary.left_out["many"] += len(written) - len(kept)
    summary.frames = [written[index] for index in kept]
    if not summary.frames:
        raise WorkFailed(
            Finding(
                ", ".join(str(film.path) for film in films),
                f"not one frame is fit for a style ({summary.reasons() or 'none could be read'})",
                "Give another film, or lower --min_brightness",
            )
        )
    for index in sorted(set(range(len(written))) - set(kept)):
        (folder / written[index].name).unlink()
    sheet = summary.sheet(folder)
    os.rename(folder, output)
    text_file, sheet_file = summary_files(output)
    images.write_bytes(text_file, str(summary).encode())
    images.write_image(sheet_file, sheet, quality=90)
    return summary


def _choices(
    film: Film,
    settings: FrameSettings,
    slot: float,
    summary: Summary,
    on_frames: Callable[[int], None],
) -> Iterator[tuple[Choice, Crop, int]]:
    """The chosen frames of a film, the crop of the film, and the frame's color matrix."""
    start = Fraction(settings.skip_start).limit_denominator(1000)
    end = None if film.seconds is None else film.seconds - settings.skip_end
    length = (end if end is not None else 600) - settings.skip_start
    crop = find_bars(film.path, film.origin + start, Fraction(length).limit_denominator(1000))
    summary.crops[film.path.name] = crop
    source = VideoSource(film.path)
    every = max(1, round(film.rate / _GLANCES_A_SECOND))
    finder, chooser = ShotFinder(film.rate / every), None
    waiting: deque[tuple[float, Look | None]] = deque()

    def judged(verdicts):
        for verdict in verdicts:
            time, look = waiting.popleft()
            yield from chooser.add(verdict, time, look)

    with contextlib.closing(source):
        if start:
            source.seek(film.origin + start)
        choices: Iterator[Choice]
        seen = 0
        for number, (time, frame) in enumerate(_timed(source, film, start, end)):
            seen += 1
            if seen % _TELL_EVERY == 0:
                on_frames(_TELL_EVERY)
            if number % every:
                continue
            if chooser is None:
                crop = _with_bottom(crop, frame, settings.crop_bottom)
                size = frame.width * frame.height * 3 // 2
                chooser = Chooser(slot, size, summary.left_out)
            planes, look = planes_of(frame, crop), None
            if number % (every * _GLANCES_A_LOOK) == 0:
                look = look_at(time, frame, planes, settings.min_brightness)
                summary.looked_at += 1
            waiting.append((time, look))
            for choice in judged(finder.add(glance_at(planes))):
                yield choice, crop, matrix_of(choice.look.frame)
        if chooser is not None:
            for choices in (judged(finder.finish()), chooser.finish()):
                for choice in choices:
                    yield choice, crop, matrix_of(choice.look.frame)
            summary.shots += chooser.shots
        on_frames(seen % _TELL_EVERY)
        summary.seen += seen
        summary.damage += _damage(source, film, end)


def _damage(source, film, end):
    read = float(source.end - film.origin)
    wanted = end if film.exact else None
    cut_off = wanted is not None and read < wanted - max(0.2, 3 / film.rate)
    if source.broke_off or source.bad_packets or cut_off:
        remedy = f"Frames are taken of what could be read of its first {read:.1f} s"
        yield Finding(str(film.path), "damaged or cut off", remedy)


def _timed(source, film, start, end):
    """(seconds from the beginning, frame) of the part that is wanted."""
    time = -1 / film.rate
    for frame in source.frames():
        if frame.pts is None:
            time += 1 / film.rate
        else:
            time = float(frame.pts * source.stream.time_base - film.origin)
        if time < start:
            continue
        if end is not None and time >= end:
            return
        yield time, frame


def _with_bottom(crop, frame, percent):
    height = frame.width if quarter_turns_of(frame) % 2 else frame.height
    inner = height - crop.top - crop.bottom
    return crop._replace(bottom=crop.bottom + round(inner * percent / 100))


class _Writer:
    """Writes chosen frames in a thread beside the decoder, a few of them waiting at most."""

    def __init__(self, folder: Path, films: int):
        self._folder, self._films = folder, films
        self._executor = ThreadPoolExecutor(1, "write")
        self._pending: deque[Future] = deque()
        self._written: list[TakenFrame] = []

    def __enter__(self):
        return self

    def __exit__(self, *error: Any) -> None:
        self._executor.shutdown(cancel_futures=True)

    def add(self, number, film, choice, crop, matrix, shots_before):
        number = f"{number + 1:02}_" if self._films > 1 else ""
        stem = film.path.stem.encode()[:100].decode(errors="ignore")
        name = f"{number}{stem}_{round(1000 * choice.look.time):08}.jpg"
        job = self._executor.submit(
            self._write, self._folder / name, film, choice, crop, matrix, shots_before
        )
        self._pending.append(job)
        while len(self._pending) > _AHEAD:
            self._written.append(self._pending.popleft().result())

    def finish(self) -> list[TakenFrame]:
        """All that were written, in the order of the films."""
        self._written += [job.result() for job in self._pending]
        self._pending.clear()
        return sorted(self._written, key=lambda frame: (frame.shot, frame.time))

    @staticmethod
    def _write(path, film, choice, crop, matrix, shots_before):
        frame, choice.look.frame = choice.look.frame, None
        rgb = crop.of(upright_rgb(frame, quarter_turns=quarter_turns_of(frame), matrix=matrix))
        rgb = _square_pixels(_whole_lines(rgb, frame), film.pixel_aspect)
        images.write_image(path, rgb, quality=_QUALITY)
        return TakenFrame(
            path.name,
            choice.look.time,
            shots_before + choice.shot,
            choice.rank,
            choice.subtitled,
            tuple(rgb[::4, ::4].mean(axis=(0, 1)).tolist()),
            choice.look.fingerprint,
        )


def _whole_lines(rgb, frame):
    """Of an interlaced frame one half of the lines, the others between them."""
    if not frame.interlaced_frame:
        return np.ascontiguousarray(rgb)
    height, width = rgb.shape[:2]
    return cv2.resize(np.ascontiguousarray(rgb[::2]), (width, height))


def _square_pixels(rgb, aspect):
    """A picture whose pixels are as wide as they are high."""
    return images.rescale(rgb, rgb.shape[0], round(rgb.shape[1] * aspect))
