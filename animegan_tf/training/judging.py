"""Which of a run's generators is the best so far, by figures."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from animegan_tf.data.find import TrainingFiles
from animegan_tf.errors import Finding, UserError
from animegan_tf.evaluation.features import vgg_features
from animegan_tf.evaluation.judge import MIN_PICTURES, MIN_SIZE, Judge
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.training.metrics import read_numbers, write_numbers

COLUMNS = ("epoch", "kid", "kid_deviation", "kid_of_photos", "content", "chroma")
"""Of quality.csv. KID is that of the results to the anime pictures; see `evaluation.judge`."""
_MOST_PICTURES = 200


def check_judging(files: TrainingFiles) -> None:
    """Checks that there are pictures enough to judge by.

    Raises:
        UserError: too few.
    """
    for kind, remedy, paths in (
        ("validation photos", "Put more into val/, or name a folder with --val", files.val),
        ("anime pictures", "Give more", files.anime),
    ):
        if len(paths) < MIN_PICTURES:
            raise UserError(
                Finding(
                    "--judge_every",
                    f"{len(paths)} {kind} are too few to judge by; it takes {MIN_PICTURES}",
                    f"{remedy}, or leave --judge_every out",
                )
            )


class Judging:
    """Judges the generator now and then: `quality.csv`, and `best.keras` with the lowest KID.

    Args:
        run_dir: the run's folder.
        files: validation photos and anime pictures; of many, some are taken.
        vgg19: the run's perceptual network, which gives the features.
        vgg: what that network is called.
        size: side in pixels of the squares to judge.
    """

    def __init__(
        self, run_dir: Path, files: TrainingFiles, vgg19: tf.keras.Model, vgg: str, size: int
    ):
        self._run_dir = run_dir
        features = vgg_features(f"--vgg={vgg}", vgg19)
        anime, photos = (_some_of(paths) for paths in (files.anime, files.val))
        size = (
            -(-max(size, MIN_SIZE) // 4) * 4
        )  # The generator keeps sizes that are multiples of 4.
        self._judge = Judge(photos, anime, features, size)
        self._rows: list[dict[str, float]] = []

    def begin(self, epoch: int) -> None:
        """Takes up what an earlier process found, up to this epoch."""
        found = read_numbers(self._run_dir / "quality.csv", COLUMNS)
        self._rows = [row for row in found if row["epoch"] <= epoch and "kid" in row]

    def judge(self, epoch: int, generator: tf.keras.Model) -> dict[str, float]:
        """Judges a generator, and keeps it if none was better.

        Returns:
            A value for each of the `COLUMNS`.

        Raises:
            OSError: the files can't be written.
        """
        found = self._judge(generator)
        row = {
            "epoch": epoch,
            "kid": found.kid.mean,
            "kid_deviation": found.kid.deviation,
            "kid_of_photos": found.kid_of_photos.mean,
            "content": found.content,
            "chroma": found.chroma,
        }
        if all(row["kid"] <= earlier["kid"] for earlier in self._rows):
            save_generator(generator, self._run_dir / "best.keras")
        self._rows.append(row)
        write_numbers(self._run_dir / "quality.csv", COLUMNS, self._rows)
        return row

    @property
    def best_epoch(self) -> int:
        """The epoch whose generator is kept."""
        return int(min(self._rows, key=lambda row: row["kid"])["epoch"])


def _some_of(paths):
    step = -(-len(paths) // _MOST_PICTURES)
    return paths[::step]
