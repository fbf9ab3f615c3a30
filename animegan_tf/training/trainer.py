"""The loop: from batches to a run folder."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from animegan_tf.data.batches import TrainingData
from animegan_tf.errors import Finding, UserError, WorkFailed
from animegan_tf.training.checkpoints import Checkpoints, read_notes
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.judging import Judging
from animegan_tf.training.metrics import EpochMeans
from animegan_tf.training.objectives import LOSS_NAMES
from animegan_tf.training.pace import Pace
from animegan_tf.training.record import Record
from animegan_tf.training.replicas import Tensors
from animegan_tf.training.steps import TrainingState
from animegan_tf.training.stopping import StopRequest
from animegan_tf.training.workers import lost_workers_reported

_OWN_SETTINGS = ("data_dir", "photos", "anime", "val", "cache_dir", "run_dir", "device")
"""Where things are: what may differ from worker to worker."""


class Trainer:
    """A training run in its folder. Build it in the scope of the strategy that it is to run on.

    Of several workers each has a Trainer, and all go the same steps; only the chief writes.

    Args:
        config: the run's settings.
        run_dir: the run's folder; it exists, with config.json. To resume, all workers must see
            it.
        data: batches, a pure function of their number; of several workers, this one's rows.
        validation: (N, S, S, 3) float32 photos in [-1, 1] for the sample grids.
        vgg19: the frozen feature network.
        judging: judges the generator now and then.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        data: TrainingData,
        validation: np.ndarray,
        vgg19: tf.keras.Model,
        judging: Judging | None = None,
    ):
        self.config, self.run_dir, self.data = config, run_dir, data
        self.state = TrainingState.from_config(config, vgg19)
        self.replicas = self.state.replicas
        self.worker = self.replicas.worker
        self.is_chief = self.worker.number == 0
        self.checkpoints = Checkpoints(
            run_dir / "checkpoints", self.state.checkpoint, config.keep_checkpoints
        )
        self.steps_per_epoch = config.steps_per_epoch or data.steps_per_epoch
        self.pretrain_steps = config.init_epochs * self.steps_per_epoch
        self.total_steps = self.pretrain_steps + config.epochs * self.steps_per_epoch
        self.record = Record(
            run_dir,
            config,
            self.steps_per_epoch,
            validation,
            self.state.averaged_generator,
            judging,
        )

    def resume(self) -> int:
        """Goes back to the newest intact checkpoint, if any, and returns its step."""
        if self.is_chief:
            self.checkpoints.clear_unfinished()
            self.record.clear_unfinished()
        restored = self.checkpoints.restore_newest()
        if not restored:
            return 0
        self.record.means = EpochMeans(read_notes(restored).get("epoch_sums"))
        return int(self.state.step.numpy())

    def fit(self) -> bool:
        """Trains from where the state stands to the last epoch.

        Interrupted (Ctrl-C or SIGTERM), it finishes the step, saves and returns False; so do all
        workers when one of them is interrupted.

        Raises:
            UserError: another worker trains something else.
            WorkFailed: a loss or weight is not finite, a picture or the run's folder is gone, the
                disk is full, or another worker is gone. The last good checkpoint stays.
        """
        with StopRequest() as stop, lost_workers_reported(self.worker):
            self._check_agreement()
            finished = self._fit(stop)
            self.replicas.wait_for_workers()  # Until the chief has written everything.
        return finished

    def _fit(self, stop):
        step = int(self.state.step.numpy())
        pace = Pace(self.pretrain_steps, self.total_steps)
        with contextlib.ExitStack() as closing:
            if self.is_chief:
                closing.enter_context(self.record.opened(step))
            progress = closing.enter_context(self._progress_bar(step))
            for batch in self._batches(step):
                pretraining = step < self.pretrain_steps
                run_step = self.state.pretrain_step if pretraining else self.state.train_step
                values = {
                    name: float(value)
                    for name, value in run_step(self.replicas.distribute(batch)).items()
                }
                self._check_losses(step, values)
                stopping = any(self.replicas.ask_workers(stop.requested))
                step += 1

                progress.set_description(self.record.epoch_name(step - 1), refresh=False)
                progress.set_postfix(_shown(values), refresh=False)
                progress.update(self.config.batch_size)
                if self.is_chief:
                    self.record.step_done(step, values)
                    if forecast := pace.step_done(step):
                        tqdm.write(forecast)
                if self._checkpoint_due(step, stopping):
                    self._save(step)
                if stopping:
                    return step == self.total_steps
        return True

    def _progress_bar(self, step):
        return tqdm(
            total=self.total_steps * self.config.batch_size,
            initial=step * self.config.batch_size,
            unit="image",
            disable=None if self.is_chief else True,
            dynamic_ncols=True,
            smoothing=0.1,
        )

    def _batches(self, step: int) -> Iterator[Tensors]:
        """The batches from this step on to the last."""
        try:
            yield from self.data.batches(step, self.total_steps - step)
        except UserError as error:
            raise WorkFailed(
                finding._replace(remedy=f"{finding.remedy}; {self._how_to_go_on()}")
                for finding in error.findings
            ) from error

    def _how_to_go_on(self):
        newest = max((path.name for path in self.checkpoints), default=None)
        return f"--resume goes on from {newest}" if newest else "no checkpoint has been written yet"

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

    def _checkpoint_due(self, step, stopping):
        every = self.config.save_every or self.steps_per_epoch
        return step % every == 0 or stopping or step == self.total_steps

    def _check_losses(self, step, values):
        wrong = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            files = "; ".join(
                f"{kind}: {', '.join(paths)}" for kind, paths in self.data.batch_files(step).items()
            )
            raise WorkFailed(
                Finding(
                    f"step {step + 1}",
                    f"{', '.join(wrong)}, on {files}",
                    "Look at these pictures: flat ones break instance normalization. Then "
                    "--resume, or lower the learning rates. The last good checkpoint is kept",
                )
            )

    def _save(self, step):
        """The chief writes a checkpoint; all see whether the weights may be kept."""
        broken = self.state.non_finite_variable()
        if broken:
            raise WorkFailed(
                Finding(
                    f"step {step}",
                    f"the weight {broken} is not finite, so it is not saved",
                    "Lower the learning rates; the last good checkpoint is kept",
                )
            )
        if self.is_chief:
            self.checkpoints.save(step, {"epoch_sums": self.record.means.sums})


def _shown(values):
    return {name: f"{values[name]:.4g}" for name in LOSS_NAMES if name in values}
