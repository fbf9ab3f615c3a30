"""A run's checkpoints: written whole, checked before they are restored."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from animegan_tf.errors import Finding, UserError


class Checkpoints:
    """The checkpoints of a run: `folder/step_NNNNNNNN/checkpoint.*`.

    One appears whole or not at all: it is written under another name, and earlier ones go only
    when it is in place.
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

    def save(self, step: int) -> Path:
        """Writes a checkpoint.

        Raises:
            UserError: the disk is full or not writable; earlier checkpoints are as they were.
        """
        final = self.folder / f"step_{step:08d}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".writing-") as temporary:
                written = Path(temporary) / "new"
                self._checkpoint.write(str(written / "checkpoint"))
                if final.exists():
                    os.replace(final, Path(temporary) / "old")
                os.replace(written, final)
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                Finding(
                    str(final),
                    f"the checkpoint can't be written ({error})",
                    "Earlier checkpoints are intact: make room, then add --resume",
                )
            ) from error
        for old in list(self)[: -self._keep]:
            shutil.rmtree(old)
        return final

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


def _damage(prefix) -> str | None:
    """Reads every array of a checkpoint, whose checksums TensorFlow then compares."""
    try:
        reader = tf.train.load_checkpoint(prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, IndexError) as error:
        return str(error).splitlines()[0]
    return None
