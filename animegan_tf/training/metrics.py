"""A run's losses: `metrics.csv`, and the TensorBoard log."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import tensorflow as tf

from animegan_tf.training.objectives import LOSS_NAMES


class MetricsLog:
    """`metrics.csv` and the TensorBoard log: one row every few steps, losses by name.

    Args:
        run_dir: the run's folder.
        up_to_step: rows of later steps are dropped, since they will be trained anew.
    """

    COLUMNS = ("step", *LOSS_NAMES)

    def __init__(self, run_dir: Path, up_to_step: int):
        self.path = run_dir / "metrics.csv"
        kept = [row for row in read_metrics(self.path) if row["step"] <= up_to_step]
        temporary = self.path.with_suffix(".csv.new")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.COLUMNS)
            writer.writeheader()
            writer.writerows({**row, "step": int(row["step"])} for row in kept)
        os.replace(temporary, self.path)
        self._file = self.path.open("a", newline="", buffering=1)
        self._writer = csv.DictWriter(self._file, self.COLUMNS)
        self._board = tf.summary.create_file_writer(str(run_dir / "logs"))

    def write(self, step: int, values: dict[str, float]) -> None:
        self._writer.writerow({"step": step, **values})
        with self._board.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"loss/{name}", value)

    def close(self) -> None:
        self._file.close()
        self._board.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv; a row that a kill cut off is left out."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    complete = [row for row in rows if None not in row.values() and None not in row]
    return [{name: float(value) for name, value in row.items() if value} for row in complete]
