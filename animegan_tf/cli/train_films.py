"""Frames of films that `animegan train --anime film.mkv` learns from, taken once and kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from animegan_tf.cli.progress import Progress
from animegan_tf.data.films.frames import summary_files, take_frames
from animegan_tf.data.films.sources import FrameSettings, expected_frames, open_films
from animegan_tf.data.find import TrainingFiles
from animegan_tf.errors import UserError
from animegan_tf.images import find_images
from animegan_tf.runs import RUNS
from animegan_tf.training.config import TrainConfig

SETTINGS = FrameSettings()
"""Those of `animegan frames`; whoever wants others calls it."""


def with_frames(files: TrainingFiles, config: TrainConfig) -> TrainingFiles:
    """Replaces films by their frames, which are kept in the cache for the next run.

    Raises:
        UserError: the films have no fit frames, or these can't be written.
    """
    if not files.films:
        return files
    folder = _cache_dir(config) / _digest(files.films)
    if folder.is_dir():
        print(f"style: frames of {_named(files.films)}, taken before, in {folder}")
    else:
        print(f"style: taking frames from {_named(files.films)} into {folder}", flush=True)
        _take(files.films, folder)
        print(f"look at them: {summary_files(folder)[1]}", flush=True)
    return replace(files, anime=tuple(find_images(folder)), films=())


def _take(paths, folder):
    films = open_films(paths, SETTINGS)
    try:
        with Progress(expected_frames(films, SETTINGS), "frame") as progress:
            summary = take_frames(films, folder, SETTINGS, on_frames=progress.update)
    except UserError:
        if folder.is_dir():  # Another worker of the same training was faster.
            return
        raise
    print(summary, end="")
    for finding in summary.damage:
        print(f"warning: {finding}")


def _cache_dir(config):
    return (Path(config.cache_dir) if config.cache_dir else RUNS / config.style.lower()) / "frames"


def _digest(films: Sequence[Path]) -> str:
    """Of what the frames depend on, as far as the files' names, sizes, and times tell."""
    facts = [SETTINGS, *((os.path.abspath(film), *_status(film)) for film in films)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _status(film):
    status = film.stat()
    return status.st_size, status.st_mtime_ns


def _named(films):
    return str(films[0]) if len(films) == 1 else f"{len(films)} films"
