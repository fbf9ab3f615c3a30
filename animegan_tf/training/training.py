"""Training: the objectives, one step of each phase, what is saved, and the loop."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import math
import os
import shutil
import signal
import tempfile
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from animegan_tf.data.batches import TrainingData
from animegan_tf.devices import lost_workers_reported, worker_of
from animegan_tf.errors import Finding, UserError
from animegan_tf.networks import losses
from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.training import samples
from animegan_tf.training.config import LossWeights, TrainConfig

LOSS_NAMES = (
    "pretrain",
    "generator",
    "content",
    "gray_style",
    "color",
    "adversarial",
    "discriminator",
    "d_anime",
    "d_generated",
    "d_gray",
    "d_edge_gray",
)

_OWN_SETTINGS = ("data_dir", "photos", "anime", "val", "cache_dir", "run_dir", "device")
"""Where things are: what may differ from worker to worker."""


def pretrain_objective(vgg19, photo, generated, weights: LossWeights):
    """The content loss alone, which pre-trains the generator (paper Sect. 3.3).

    Returns:
        (weighted total, {name: unweighted term}), float32 scalars; so do the other objectives.
    """
    content = losses.content_loss(vgg19(photo), vgg19(generated))
    return weights.content_weight * content, {"content": content}


def discriminator_objective(discriminator, batch, generated, weights: LossWeights):
    """Equation 6. The four kinds of pictures pass the discriminator as one batch.

    Instance normalization keeps the pictures of a batch apart, so this equals four passes; and
    u moves once, as in one session run of the authors' code.
    """
    pictures = tf.concat([batch["anime"], generated, batch["gray"], batch["edge_gray"]], axis=0)
    logits = tf.split(discriminator(pictures, training=True), 4)
    terms = losses.discriminator_losses(*logits)
    total = weights.discriminator_adversarial_weight * (
        terms["d_anime"]
        + weights.generated_weight * terms["d_generated"]
        + weights.gray_adversarial_weight * terms["d_gray"]
        + weights.edge_adversarial_weight * terms["d_edge_gray"]
    )
    return total, terms


def generator_objective(
    discriminator, vgg19, batch, generated, weights: LossWeights, training=True
):
    """Equation 5. With `training`, u moves once more, as in the authors' generator run."""
    # The photo and the gray picture need no gradient, so they share a pass of their own.
    targets = vgg19(tf.concat([batch["photo"], batch["gray"]], axis=0))
    photo_features, gray_features = tf.split(targets, 2)
    generated_features = vgg19(generated)
    terms = {
        "content": losses.content_loss(photo_features, generated_features),
        "gray_style": losses.gray_style_loss(gray_features, generated_features),
        "color": losses.color_loss(batch["photo"], generated),
        "adversarial": losses.generator_adversarial_loss(
            discriminator(generated, training=training)
        ),
    }
    total = (
        weights.content_weight * terms["content"]
        + weights.gray_style_weight * terms["gray_style"]
        + weights.color_weight * terms["color"]
        + weights.generator_adversarial_weight * terms["adversarial"]
    )
    return total, terms


def adam(learning_rate):
    """Adam as the authors set it; Keras's own default epsilon is 1e-7."""
    return tf.keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999, epsilon=1e-8)


class TrainingState:
    """The networks, their optimizers, and one step of each phase.

    Everything that a checkpoint holds is an attribute here. Built in the scope of a
    `tf.distribute.Strategy`, the steps run on all its replicas, each on an equal part of the
    batch's rows. All losses are means over rows, so the mean of the replicas' gradients is the
    gradient of the whole batch, and the update is the one that a single device would make.

    Variables are mirrored: every replica makes the same updates to its own copy, that of u, of the
    moving average and of the step's number included.

    Args:
        config: widths, weights, learning rates, precision, seed.
        vgg19: the frozen feature network (see `perceptual.build_vgg19`).
    """

    def __init__(self, config: TrainConfig, vgg19: tf.keras.Model):
        tf.keras.utils.set_random_seed(config.seed)
        self.config, self.vgg19 = config, vgg19
        self.strategy = tf.distribute.get_strategy()
        self.worker = worker_of(self.strategy)
        self._replicas_here = self.strategy.num_replicas_in_sync // self.worker.count
        self.generator = build_generator(config.width, config.precision)
        self.discriminator = build_discriminator(config.width, config.precision)
        self.averaged_generator = build_generator(config.width)
        self.averaged_generator.set_weights(self.generator.get_weights())
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")

        self.pretrain_optimizer = adam(config.init_learning_rate)
        self.generator_optimizer = adam(config.generator_learning_rate)
        self.discriminator_optimizer = adam(config.discriminator_learning_rate)
        self.pretrain_optimizer.build(self.generator.trainable_variables)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

        self.checkpoint = tf.train.Checkpoint(
            generator=self.generator,
            discriminator=self.discriminator,
            ema=self.averaged_generator,
            pretrain_optimizer=self.pretrain_optimizer,
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            step=self.step,
        )

        self.pretrain_step = self._on_all_replicas(self._pretrain_step)
        self.train_step = self._on_all_replicas(self._train_step)
        self._sum_over_replicas = tf.function(self._sum_over_replicas)

    def _on_all_replicas(self, step):
        """The compiled step; takes each replica's rows, returns the losses of the whole batch."""

        def run(batch):
            values = self.strategy.run(step, args=(batch,))
            return {
                name: self.strategy.experimental_local_results(value)[0]
                for name, value in values.items()
            }

        return tf.function(run, jit_compile=True if self.config.xla else None)

    def distribute(self, batch):
        """Hands the rows of this process's batch in equal parts to its replicas."""
        parts = {name: tf.split(rows, self._replicas_here) for name, rows in batch.items()}
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: {
                name: part[context.replica_id_in_sync_group % self._replicas_here]
                for name, part in parts.items()
            }
        )

    def ask_workers(self, value: float) -> list[float]:
        """The values that the workers give, by their index; waits until all have."""
        if self.worker.count == 1:
            return [value]
        own = value * tf.one_hot(self.worker.index, self.worker.count)
        values = self.strategy.experimental_distribute_values_from_function(
            lambda context: (
                own
                if context.replica_id_in_sync_group % self._replicas_here == 0
                else tf.zeros_like(own)
            )
        )
        return self._sum_over_replicas(values).numpy().tolist()

    def _sum_over_replicas(self, values):
        def total(value):
            context = tf.distribute.get_replica_context()
            on_device = tf.identity(value)  # A function's argument names no device to reduce on.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, on_device)

        return self.strategy.experimental_local_results(self.strategy.run(total, args=(values,)))[0]

    def _pretrain_step(self, batch):
        """One update of the generator on the content loss.

        Args:
            batch: {"photo", ...}, (B, H, W, 3) each.

        Returns:
            {name: float32 scalar}: "pretrain" (weighted) and "content".
        """
        with tf.GradientTape() as tape:
            generated = self.generator(batch["photo"], training=True)
            total, terms = pretrain_objective(self.vgg19, batch["photo"], generated, self.config)
        _apply(self.pretrain_optimizer, tape, total, self.generator.trainable_variables)
        self._end_step()
        return _mean_of_replicas({"pretrain": total, **terms})

    def _train_step(self, batch):
        """One update of the discriminator, then one of the generator against it.

        The generator has not changed in between, so its pictures serve both.

        Args:
            batch: {"photo", "anime", "gray", "edge_gray"}, (B, H, W, 3) each.

        Returns:
            {name: float32 scalar}: the totals "discriminator" and "generator" (weighted) and
            their terms (unweighted).
        """
        with tf.GradientTape() as generator_tape:
            generated = self.generator(batch["photo"], training=True)

            with tf.GradientTape() as discriminator_tape:
                d_total, d_terms = discriminator_objective(
                    self.discriminator, batch, tf.stop_gradient(generated), self.config
                )
            _apply(
                self.discriminator_optimizer,
                discriminator_tape,
                d_total,
                self.discriminator.trainable_variables,
            )

            g_total, g_terms = generator_objective(
                self.discriminator, self.vgg19, batch, generated, self.config
            )
        _apply(
            self.generator_optimizer, generator_tape, g_total, self.generator.trainable_variables
        )
        self._end_step()
        return _mean_of_replicas(
            {"discriminator": d_total, **d_terms, "generator": g_total, **g_terms}
        )

    def _end_step(self):
        """Counts the step and follows the generator with its moving average.

        The average starts short, as (1 + t) / (10 + t), so that it forgets the initial weights.
        """
        t = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1 + t) / (10 + t))
        for average, value in zip(self.averaged_generator.variables, self.generator.variables):
            average.assign(
                decay * tf.convert_to_tensor(average) + (1 - decay) * tf.convert_to_tensor(value)
            )
        self.step.assign_add(1)

    def non_finite_variable(self) -> str | None:
        """The name of a weight that is NaN or infinite, if there is one."""
        for model in (self.generator, self.discriminator):
            for variable in model.variables:
                if not np.isfinite(variable.numpy()).all():
                    return f"{model.name}: {variable.name}"
        return None


def _apply(optimizer, tape, total, variables):
    """Updates by the gradient of the whole batch; Keras sums over the replicas."""
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    gradients = [gradient / replicas for gradient in tape.gradient(total, variables)]
    optimizer.apply_gradients(zip(gradients, variables))


def _mean_of_replicas(values):
    context = tf.distribute.get_replica_context()
    means = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(values.values()))
    return dict(zip(values, means))


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

    def __iter__(self):
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
        self.state = TrainingState(config, vgg19)
        self.worker = self.state.worker
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
        with _StopRequest() as stop, lost_workers_reported(self.worker):
            self._check_agreement()
            finished = self._fit(stop)
            self.state.ask_workers(0)  # None leaves before the chief has written everything.
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
                    for name, value in run_step(self.state.distribute(batch)).items()
                }
                self._check_losses(step, values)
                stopping = any(self.state.ask_workers(stop.requested))
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
            name: value
            for name, value in dataclasses.asdict(self.config).items()
            if name not in _OWN_SETTINGS
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
            digests = self.state.ask_workers(zlib.crc32(repr(value).encode()) & 0xFFFFFF)
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


class _StopRequest:
    """Turns Ctrl-C and SIGTERM into a wish that the loop grants after the step at hand.

    An interrupt inside a step could leave half of its updates; a second one is not held back.
    """

    def __enter__(self):
        self.requested = False
        self._previous = {}
        with contextlib.suppress(ValueError):  # Not in the main thread: no signals to take.
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def _request(self, number, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        tqdm.write("Stopping after this step; once more to stop at once.")

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)


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
