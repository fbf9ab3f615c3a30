"""What a run's folder shows and keeps beside its checkpoints."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from animegan_tf.errors import Finding, WorkFailed
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.training import samples
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.judging import Judging
from animegan_tf.training.loss_curves import plot_losses
from animegan_tf.training.metrics import EpochMeans, MetricsLog
from animegan_tf.training.objectives import LOSS_NAMES


class Record:
    """`metrics.csv`, `logs/`, `samples/`, `losses.png`, `generators/`, `*.keras`, `quality.csv`.

    Whatever can't be written ends the run by a `WorkFailed`, from every method.

    Args:
        run_dir: the run's folder; it exists.
        config: the run's settings.
        steps_per_epoch: of both phases.
        validation: (N, S, S, 3) float32 photos in [-1, 1] for the sample grids.
        generator: the one to show and to keep.
        judging: judges it every `--judge_every` epochs.
    """

    def __init__(
        self,
        run_dir: Path,
        config: TrainConfig,
        steps_per_epoch: int,
        validation: np.ndarray,
        generator: tf.keras.Model,
        judging: Judging | None = None,
    ):
        self._judging = judging
        self.run_dir, self._config, self._generator = run_dir, config, generator
        self._steps_per_epoch, self._validation = steps_per_epoch, validation
        self._epochs = config.init_epochs + config.epochs
        self.means = EpochMeans()

    def clear_unfinished(self) -> None:
        """Removes what a killed run was about to write."""
        for unfinished in [*self.run_dir.glob(".saving-*"), *self.run_dir.rglob(".*.tmp")]:
            if unfinished.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
            else:
                unfinished.unlink(missing_ok=True)

    @contextlib.contextmanager
    def opened(self, step: int) -> Iterator[None]:
        """Opens the logs, which forget what lies after this step; before training, shows photos."""
        with _writing(self.run_dir):
            self._metrics = MetricsLog(self.run_dir, up_to_step=step)
            if self._judging:
                self._judging.begin(step // self._steps_per_epoch)
        try:
            if step == 0:
                with _writing(self.run_dir):
                    self._write_samples(0, 0)
            yield
        finally:
            with _writing(self.run_dir):
                self._metrics.close()

    def step_done(self, step: int, values: Mapping[str, float]) -> None:
        """Takes the losses of a step; at the end of an epoch renews everything.

        Args:
            step: steps done, this one included.
            values: its losses.
        """
        self.means.add(values)
        epoch_ends = step % self._steps_per_epoch == 0
        means = self.means.end() if epoch_ends else {}
        with _writing(self.run_dir):
            if epoch_ends or step % self._config.log_every == 0:
                self._metrics.write(step, values, means)
            if epoch_ends:
                self._end_epoch(step, values, means)

    def epoch_name(self, step: int) -> str:
        """The epoch that a step (from 0 on) belongs to, of how many."""
        epoch = step // self._steps_per_epoch + 1
        phase = " (pre-training)" if epoch <= self._config.init_epochs else ""
        return f"epoch {epoch}/{self._epochs}{phase}"

    def _end_epoch(self, step, values, means):
        epoch = step // self._steps_per_epoch
        self._write_samples(step, epoch)
        save_generator(self._generator, self.run_dir / "generator.keras")
        every = self._config.keep_generator_every
        if every and epoch % every == 0:
            folder = self.run_dir / "generators"
            folder.mkdir(exist_ok=True)
            save_generator(self._generator, folder / f"epoch_{epoch:03d}.keras")
        pretrain_steps = self._config.init_epochs * self._steps_per_epoch
        plot_losses(self.run_dir / "metrics.csv", self.run_dir / "losses.png", pretrain_steps)
        shown = [f"{n} {values[n]:.4g} (mean {means[n]:.4g})" for n in LOSS_NAMES if n in values]
        tqdm.write(f"{self.epoch_name(step - 1)}: {', '.join(shown)}")
        every = self._config.judge_every
        if self._judging and epoch > self._config.init_epochs and epoch % every == 0:
            self._judge(step, epoch)

    def _judge(self, step, epoch):
        found = self._judging.judge(epoch, self._generator)
        self._metrics.note(step, {f"quality/{name}": found[name] for name in ("kid", "content")})
        best = self._judging.best_epoch
        tqdm.write(
            f"KID {found['kid']:.3g} +- {found['kid_deviation']:.2g} (photos: "
            f"{found['kid_of_photos']:.3g}), content distance {found['content']:.3g}; "
            f"best.keras is {'this one' if best == epoch else f'that of epoch {best}'}"
        )

    def _write_samples(self, step, epoch):
        results = np.concatenate(
            [self._generator(photo[None]).numpy() for photo in self._validation]
        )
        grid = samples.write_epoch(
            self.run_dir / "samples",
            epoch,
            self._config.init_epochs,
            self._validation,
            results,
            finished=epoch == self._epochs,
        )
        self._metrics.show(step, "samples", grid)


@contextlib.contextmanager
def _writing(run_dir):
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if not run_dir.is_dir():
            raise WorkFailed(
                Finding(str(run_dir), "the run's folder is gone", "Train anew, or bring it back")
            ) from error
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise WorkFailed(
            Finding(
                str(run_dir),
                f"can't be written to ({reason})",
                "The checkpoints in it are intact: make room, then go on with --resume",
            )
        ) from error
