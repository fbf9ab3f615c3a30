"""The loop: from batches to a run folder."""

from __future__ import annotations

import contextlib
import math
import shutil
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from animegan_tf.data.batches import TrainingData
from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.training import samples
from animegan_tf.training.checkpoints import Checkpoints
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.metrics import MetricsLog
from animegan_tf.training.objectives import LOSS_NAMES
from animegan_tf.training.steps import TrainingState
from animegan_tf.training.stopping import StopRequest
from animegan_tf.training.workers import lost_workers_reported

_OWN_SETTINGS = ("data_dir", "photos", "anime", "val", "cache_dir", "run_dir", "device")
"""Where things are: what may differ from worker to worker."""


class Trainer:
    """A training run in its folder. Build it in the scope of the strategy that it is to run on.

    Of several workers each has a Trainer, and all go the same steps; only the chief writes.

    `config.json`, `checkpoints/`, `samples/`, `logs/`, `metrics.csv`, `losses.png`,
    `generators/`, `generator.keras`.

    Args:
        config: the run's settings.
        run_dir: the run's folder; it exists, with config.json. To resume, all workers must see
            it.
        data: batches, a pure function of their number; of several workers, this one's rows.
        validation: (N, S, S, 3) float32 photos in [-1, 1] for the sample grids.
        vgg19: the frozen feature network.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        data: TrainingData,
        validation: np.ndarray,
        vgg19: tf.keras.Model,
    ):
        self.config, self.run_dir, self.data, self.validation = config, run_dir, data, validation
        self.state = TrainingState.from_config(config, vgg19)
        self.replicas = self.state.replicas
        self.worker = self.replicas.worker
        self.is_chief = self.worker.index == 0
        self.checkpoints = Checkpoints(
            run_dir / "checkpoints", self.state.checkpoint, config.keep_checkpoints
        )
        self.steps_per_epoch = config.steps_per_epoch or data.steps_per_epoch
        self.pretrain_steps = config.init_epochs * self.steps_per_epoch
        self.total_steps = self.pretrain_steps + config.epochs * self.steps_per_epoch

    def resume(self) -> int:
        """Goes back to the newest intact checkpoint, if any, and returns its step."""
        if self.is_chief:
            self.checkpoints.clear_unfinished()
            for unfinished in self.run_dir.glob(".saving-*"):
                shutil.rmtree(unfinished, ignore_errors=True)
        restored = self.checkpoints.restore_newest()
        return int(self.state.step.numpy()) if restored else 0

    def fit(self) -> bool:
        """Trains from where the state stands to the last epoch.

        Interrupted (Ctrl-C or SIGTERM), it finishes the step, saves and returns False; so do all
        workers when one of them is interrupted.

        Raises:
            UserError: a loss or weight is not finite, the disk is full, or another worker is
                gone or trains something else. The last good checkpoint stays.
        """
        with StopRequest() as stop, lost_workers_reported(self.worker):
            self._check_agreement()
            finished = self._fit(stop)
            self.replicas.wait_for_workers()  # None leaves before the chief has written everything.
        return finished

    def _fit(self, stop):
        step = int(self.state.step.numpy())
        if step == 0:
            self._write_samples(0)
        with contextlib.ExitStack() as closing:
            metrics = (
                closing.enter_context(contextlib.closing(MetricsLog(self.run_dir, up_to_step=step)))
                if self.is_chief
                else None
            )
            progress = closing.enter_context(
                tqdm(
                    total=self.total_steps * self.config.batch_size,
                    initial=step * self.config.batch_size,
                    unit="image",
                    disable=None if self.is_chief else True,
                    dynamic_ncols=True,
                    smoothing=0.1,
                )
            )
            for batch in self.data.dataset(step, self.total_steps - step):
                pretraining = step < self.pretrain_steps
                run_step = self.state.pretrain_step if pretraining else self.state.train_step
                values = {
                    name: float(value)
                    for name, value in run_step(self.replicas.distribute(batch)).items()
                }
                self._check_losses(step, values)
                stopping = any(self.replicas.ask_workers(stop.requested))
                step += 1
                epoch_ends = step % self.steps_per_epoch == 0

                progress.set_description(self._epoch_name(step - 1), refresh=False)
                progress.set_postfix(_shown(values), refresh=False)
                progress.update(self.config.batch_size)
                if metrics and (step % self.config.log_every == 0 or epoch_ends):
                    metrics.write(step, values)
                if epoch_ends:
                    self._end_epoch(step, values)
                if self._checkpoint_due(step, epoch_ends, stopping):
                    self._save(step)
                if stopping:
                    return step == self.total_steps
        return True

    def _check_agreement(self):
        """Workers that differ in what they train on would train on, to no good."""
        shared = {
            name: value for name, value in self.config.flat().items() if name not in _OWN_SETTINGS
        }
        pictures = [
            [path.name for path in group]
            for group in (self.data.files.photos, self.data.files.anime, self.data.files.smooth)
        ]
        for what, value, remedy in (
            ("settings", shared, "Give all workers the same flags"),
            ("training pictures", pictures, "Give all workers the same files"),
            (
                "steps done",
                int(self.state.step.numpy()),
                "Give --run_dir as a folder that all workers see, and --resume to all or none",
            ),
        ):
            digests = self.replicas.ask_workers(zlib.crc32(repr(value).encode()) & 0xFFFFFF)
            others = [i for i, digest in enumerate(digests) if digest != digests[0]]
            if others:
                raise UserError(
                    Finding(
                        f"worker {', '.join(map(str, others))}",
                        f"its {what} are not those of worker 0",
                        remedy,
                    )
                )

    def _checkpoint_due(self, step, epoch_ends, stopping):
        every = self.config.save_every
        regular = epoch_ends if every is None else step % every == 0
        return regular or stopping or step == self.total_steps

    def _epoch_name(self, step):
        if step < self.pretrain_steps:
            return f"pre-training {step // self.steps_per_epoch + 1}/{self.config.init_epochs}"
        epoch = (step - self.pretrain_steps) // self.steps_per_epoch + 1
        return f"epoch {epoch}/{self.config.epochs}"

    def _check_losses(self, step, values):
        wrong = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            files = "; ".join(
                f"{kind}: {', '.join(paths)}" for kind, paths in self.data.batch_files(step).items()
            )
            raise UserError(
                Finding(
                    f"step {step + 1}",
                    f"{', '.join(wrong)}, on {files}",
                    "Look at these pictures: flat ones break instance normalization. Then --resume, "
                    "or lower the learning rates. The last good checkpoint is kept",
                )
            )

    def _save(self, step):
        """The chief writes a checkpoint; all see whether the weights may be kept."""
        broken = self.state.non_finite_variable()
        if broken:
            raise UserError(
                Finding(
                    f"step {step}",
                    f"the weight {broken} is not finite, so it is not saved",
                    "Lower the learning rates; the last good checkpoint is kept",
                )
            )
        if self.is_chief:
            self.checkpoints.save(step)

    def _end_epoch(self, step, values):
        if not self.is_chief:
            return
        epoch = step // self.steps_per_epoch
        self._write_samples(epoch)
        try:
            save_generator(self.state.averaged_generator, self.run_dir / "generator.keras")
            every = self.config.keep_generator_every
            if every and epoch % every == 0:
                folder = self.run_dir / "generators"
                folder.mkdir(exist_ok=True)
                save_generator(self.state.averaged_generator, folder / f"epoch_{epoch:03d}.keras")
        except OSError as error:
            raise UserError(
                Finding(
                    str(self.run_dir),
                    f"the generator can't be written ({error})",
                    "Checkpoints are intact: make room, then add --resume",
                )
            ) from error
        samples.plot_losses(
            self.run_dir / "metrics.csv", self.run_dir / "losses.png", self.pretrain_steps
        )
        tqdm.write(
            f"{self._epoch_name(step - 1)}: "
            + ", ".join(f"{k} {v}" for k, v in _shown(values).items())
        )

    def _write_samples(self, epoch):
        if not self.is_chief:
            return
        results = np.concatenate(
            [self.state.averaged_generator(photo[None]).numpy() for photo in self.validation]
        )
        samples.write_epoch(
            self.run_dir / "samples", epoch, self.config.init_epochs, self.validation, results
        )


def _shown(values):
    return {name: f"{values[name]:.4g}" for name in LOSS_NAMES if name in values}
