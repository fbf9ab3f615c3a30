"""The work of `animegan frames`; its flags are in `frames_flags`."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from animegan_tf.cli.frames_flags import FLAGS
from animegan_tf.cli.progress import Progress, in_words
from animegan_tf.data.films.frames import check_output, summary_files, take_frames
from animegan_tf.data.films.sources import (
    Film,
    FrameSettings,
    expected_frames,
    find_films,
    open_films,
)
from animegan_tf.errors import Finding, UserError, check_all


def main(arguments: list[str]) -> int:
    """Takes frames from the films that the command line names."""
    settings = FrameSettings(
        FLAGS.count,
        FLAGS.skip_start,
        FLAGS.skip_end,
        FLAGS.crop_bottom,
        FLAGS.min_brightness,
        FLAGS.seed,
    )
    _, films, output = check_all(
        settings.check, functools.partial(chosen_films, arguments, settings), chosen_output
    )
    with Progress(expected_frames(films, settings), "frame") as progress:
        summary = take_frames(films, output, settings, on_frames=progress.update)
    print(f"{output}: {summary}in {in_words(progress.seconds)}")
    print(f"look at them: {summary_files(output)[1]}")
    for finding in summary.damage:
        print(f"failed: {finding}", file=sys.stderr)
    return 1 if summary.damage else 0


def chosen_films(arguments: list[str], settings: FrameSettings) -> list[Film]:
    """The films to read, checked to be some."""
    return open_films(find_films(arguments), settings)


def chosen_output() -> Path:
    """Where the frames go, checked to be free."""
    if not FLAGS.output:
        raise UserError(
            Finding("--output", "not given", "Name a folder: --output dataset/MyStyle/style")
        )
    output = Path(FLAGS.output)
    check_output(output)
    return output
