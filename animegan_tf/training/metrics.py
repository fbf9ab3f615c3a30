"""A run's losses: `metrics.csv`, the means of its epochs, and the TensorBoard log."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.images import write_bytes
from animegan_tf.training.objectives import LOSS_NAMES

MEAN = "mean_"
"""Begins the name of a loss's mean over an epoch."""


class EpochMeans:
    """Each loss's mean over the epoch so far.

    Args:
        sums: as `sums` was when the run stopped in mid-epoch; what is not understood counts as
            nothing, and the mean is then that of the steps since.
    """

    def __init__(self, sums: object = None):
        self._sums: dict[str, tuple[float, int]] = {}
        if isinstance(sums, Mapping):
            for name, pair in sums.items():
                with contextlib.suppress(ValueError, TypeError):
                    total, count = pair
                    if name in LOSS_NAMES:
                        self._sums[name] = (float(total), int(count))

    @property
    def sums(self) -> dict[str, tuple[float, int]]:
        """{name: (sum, steps)}, for JSON."""
        return self._sums

    def add(self, values: Mapping[str, float]) -> None:
        """Takes the losses of one more step."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def end(self) -> dict[str, float]:
        """The means of the epoch that has ended; the next one begins."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        self._sums = {}
        return means


class MetricsLog:
    """`metrics.csv` and the TensorBoard log: one row every few steps, losses by name.

    The row that ends an epoch also has each loss's mean over the epoch, in columns of their own.

    Args:
        run_dir: the run's folder.
        up_to_step: rows of later steps are dropped, since they will be trained anew.

    Raises:
        OSError: nothing can be written there; so do the methods.
    """

    COLUMNS = ("step", *LOSS_NAMES, *(MEAN + name for name in LOSS_NAMES))

    def __init__(self, run_dir: Path, up_to_step: int):
        self.path = run_dir / "metrics.csv"
        kept = [row for row in read_metrics(self.path) if row["step"] <= up_to_step]
        write_numbers(self.path, self.COLUMNS, kept)
        self._file = self.path.open("a", newline="", buffering=1)
        self._writer = csv.DictWriter(self._file, self.COLUMNS)
        self._board = tf.summary.create_file_writer(str(run_dir / "logs"))

    def write(
        self, step: int, values: Mapping[str, float], means: Mapping[str, float] | None = None
    ) -> None:
        """Adds a row.

        Args:
            step: steps done.
            values: the losses of the last one.
            means: their means over the epoch that ends here, if one does.
        """
        means = means or {}
        self._writer.writerow(
            {"step": step, **values, **{MEAN + name: value for name, value in means.items()}}
        )
        self.note(step, {f"loss/{name}": value for name, value in values.items()})
        self.note(step, {f"epoch_mean/{name}": value for name, value in means.items()})

    def note(self, step: int, values: Mapping[str, float]) -> None:
        """Adds scalars to the TensorBoard log alone."""
        with self._board.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Adds a picture to the TensorBoard log, uint8 (H, W, 3)."""
        with self._board.as_default(step=step):
            tf.summary.image(name, picture[None])

    def close(self) -> None:
        """Writes out what is still held back."""
        self._file.close()
        self._board.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a metrics.csv by column, without empty cells."""
    return read_numbers(path, MetricsLog.COLUMNS)


def read_numbers(path: Path, columns: Sequence[str]) -> list[dict[str, float]]:
    """The rows of a CSV file of numbers, without empty cells and other columns.

    Rows that are no numbers, such as one that a power cut ended in the middle, are left out, and
    another file has no rows: nothing in it may keep a run from going on.

    Args:
        path: the file; it need not exist.
        columns: what is wanted; the first one counts, from 0 on.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = list(csv.reader(text.replace("\0", "").splitlines()))
    except (FileNotFoundError, csv.Error):
        return []
    whole = lines if text.endswith(("\n", "\r")) else lines[:-1]
    rows = (_numbers(lines[0], cells, columns) for cells in whole[1:])
    return [row for row in rows if row]


def write_numbers(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, float]]) -> None:
    """Writes a CSV file as `read_numbers` reads it, whole or not at all.

    Raises:
        OSError: it can't be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({**row, columns[0]: int(row[columns[0]])} for row in rows)
    write_bytes(path, text.getvalue().encode())


def _numbers(header, cells, columns):
    if len(cells) != len(header):
        return None
    try:
        row = {name: float(cell) for name, cell in zip(header, cells) if cell}
    except ValueError:
        return None
    known = {name: value for name, value in row.items() if name in columns}
    count = known.get(columns[0], math.nan)
    return known if count.is_integer() and count >= 0 else None
