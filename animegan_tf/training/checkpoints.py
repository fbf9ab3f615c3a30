"""A run's checkpoints: written whole, checked before they are restored."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from animegan_tf.errors import Finding, UserError, WorkFailed

NOTES = "notes.json"


class Checkpoints:
    """The checkpoints of a run: `folder/step_NNNNNNNN/checkpoint.*`.

    One appears whole or not at all: it is written under another name, and earlier ones go only
    when it is in place.

    Args:
        folder: gets the checkpoints; its parent exists.
        checkpoint: what to save and restore.
        keep: how many of the newest to keep.
    """

    def __init__(self, folder: Path, checkpoint: tf.train.Checkpoint, keep: int):
        self.folder, self._checkpoint, self._keep = folder, checkpoint, keep

    def clear_unfinished(self) -> None:
        """Removes what a killed run was about to write."""
        for unfinished in self.folder.glob(".writing-*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def __iter__(self) -> Iterator[Path]:
        """Checkpoint folders, oldest first."""
        return iter(sorted(self.folder.glob("step_????????")))

    def save(self, step: int, notes: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint.

        Args:
            step: steps done.
            notes: kept beside it as JSON, see `read_notes`; nothing that training depends on.

        Raises:
            WorkFailed: the disk is full or not writable; earlier checkpoints are as they were.
        """
        final = self.folder / f"step_{step:08d}"
        try:
            self.folder.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".writing-") as temporary:
                written = Path(temporary) / "new"
                self._checkpoint.write(str(written / "checkpoint"))
                if notes:
                    (written / NOTES).write_text(json.dumps(notes), encoding="utf-8")
                if final.exists():
                    os.replace(final, Path(temporary) / "old")
                os.replace(written, final)
            for old in list(self)[: -self._keep]:
                shutil.rmtree(old)
        except (OSError, tf.errors.OpError) as error:
            raise WorkFailed(self._not_written(final, error)) from error
        return final

    def _not_written(self, path, error):
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        if not self.folder.parent.is_dir():
            return Finding(str(self.folder.parent), "the run's folder is gone", "Train anew")
        left = list(self)
        remedy = "Make room, then add --resume"
        return Finding(
            str(path),
            f"the checkpoint can't be written ({reason})",
            f"{left[-1].name} is intact. {remedy}" if left else remedy,
        )

    def restore_newest(self) -> Path | None:
        """Restores the newest checkpoint that is intact; None where there is none at all.

        Raises:
            UserError: there are checkpoints, but all are damaged, or they don't fit the networks.
        """
        damaged = []
        for path in reversed(list(self)):
            prefix = str(path / "checkpoint")
            problem = _damage(prefix)
            if problem:
                damaged.append(Finding(str(path), f"damaged ({problem})", "Delete it"))
                continue
            try:
                self._checkpoint.read(prefix).assert_consumed()
            except (AssertionError, ValueError, tf.errors.OpError) as error:
                raise UserError(
                    Finding(
                        str(path),
                        f"doesn't fit these networks ({error})",
                        "Resume with the config.json of the run, on the TensorFlow that wrote it",
                    )
                ) from error
            for finding in damaged:
                print(f"warning: {finding} Going on from {path.name}.")
            return path
        if damaged:
            raise UserError(damaged)
        return None


def read_notes(path: Path) -> dict[str, Any]:
    """The notes of a checkpoint's folder; empty where there are none that can be read."""
    try:
        notes = json.loads((path / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def expected_bytes(width: int) -> int:
    """About how large a checkpoint of networks of this width is."""
    # At width 64: six times the generator (itself, its average, two slots each of two optimizers)
    # and three times the discriminator, float32; nearly all of it grows as the square.
    return round(4 * (6 * 3_956_096 + 3 * 1_128_800) * (width / 64) ** 2)


def _damage(prefix: str) -> str | None:
    """Reads every array of a checkpoint, whose checksums TensorFlow then compares."""
    try:
        reader = tf.train.load_checkpoint(prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, IndexError) as error:
        return str(error).splitlines()[0]
    return None
