"""The work of `animegan train`; its flags are in `train_flags`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from animegan_tf.cli.train_films import SETTINGS, with_frames
from animegan_tf.cli.train_settings import cache_dir_of, check_folders, settings_of_run
from animegan_tf.data import drawn as demo
from animegan_tf.data.batches import TrainingData, load_validation
from animegan_tf.data.check import check_training_files
from animegan_tf.data.films.sources import open_films
from animegan_tf.data.find import TrainingFiles, find_training_files
from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.images import write_bytes
from animegan_tf.networks.perceptual import HED, RANDOM, build_perceptual_network
from animegan_tf.runs import RUNS, locked, new_run_dir
from animegan_tf.styles import START, is_shipped
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.judging import Judging, check_judging
from animegan_tf.training.start import load_start
from animegan_tf.training.trainer import Trainer
from animegan_tf.training.workers import select_devices, start_strategy, worker_of
from animegan_tf.version import command_name

SHORT_RUN = 5000
"""Fewer steps than this can't teach a generator with random weights much."""


def main(arguments: list[str]) -> None:
    """Trains, or goes on with a run."""
    config, resumed_dir = settings_of_run()
    if is_drawn(config):
        demo.make_demo_dataset(config.data_dir)
    checks = (
        functools.partial(
            select_devices,
            config.strategy,
            config.device,
            batch_size=config.batch_size,
            xla=config.xla,
        ),
        functools.partial(find_files, config),
        functools.partial(check_folders, config, resumed_dir),
        functools.partial(find_start, config, resumed_dir),
    )
    if config.strategy == "multiworker":  # What is wrong here is said before the others are up.
        device, files, _, start = check_all(*checks)
        strategy, vgg19 = start_devices(config)
    else:
        device, files, _, start, (strategy, vgg19) = check_all(
            *checks, functools.partial(start_devices, config)
        )
    files = with_frames(files, config)
    files, doubts, report = check_training_files(
        files, image_size=config.image_size, skip_bad_images=config.skip_bad_images
    )
    if config.judge_every:
        check_judging(files)
    print_settings(config, device, report, doubts)
    is_chief = worker_of(strategy).number == 0
    with opened_run(config, resumed_dir, writes=is_chief) as run_dir:
        train(config, files, run_dir, strategy, vgg19, start, bool(resumed_dir))


def is_drawn(config: TrainConfig) -> bool:
    """Whether the run learns from what the project draws itself."""
    return config.style.lower() == "demo" and not (config.photos or config.anime)


def find_files(config: TrainConfig) -> TrainingFiles:
    """The pictures that the flags mean, or the films to take them from."""
    files = find_training_files(
        data_dir=config.data_dir,
        style=config.style or None,
        photos=config.photos,
        anime=config.anime,
        val=config.val,
    )
    if files.films:
        open_films(files.films, SETTINGS)
    return files


def find_start(config: TrainConfig, resumed_dir: Path | None) -> tuple[tf.keras.Model, str] | None:
    """The generator to start from; None: random weights, or those of the checkpoint."""
    if resumed_dir or not config.start_from:
        return None
    return load_start(config.start_from, config.width)


def start_devices(config: TrainConfig) -> tuple[tf.distribute.Strategy, tf.keras.Model]:
    """The strategy, and the perceptual network on its devices."""
    strategy = start_strategy(config.strategy)
    with strategy.scope():
        return strategy, build_perceptual_network(config.vgg, config.precision)


def print_settings(config, device, report, doubts):
    print(config.to_json(), end="")
    print(report)
    # What the project itself draws and chooses for the demo is nothing to warn its users of.
    if not is_drawn(config):
        for finding in doubts:
            print(f"warning: {finding}")
    print(f"device: {device}")
    label = "note" if is_drawn(config) else "WARNING"
    if config.vgg == RANDOM:
        print(
            f"{label}: the perceptual network is RANDOM (--vgg=random), not ImageNet's: it sees "
            "texture and content, not meaning. Expect a weaker style."
        )
    if config.vgg == HED:
        print(
            f"{label}: the perceptual network is HED's VGG16 (--vgg=hed), not ImageNet's VGG19: it "
            "was fine-tuned to find edges and hardly sees color."
        )


@contextlib.contextmanager
def opened_run(config: TrainConfig, resumed_dir: Path | None, *, writes: bool) -> Iterator[Path]:
    """The run's folder, made if it is new, locked against others, with its config.json.

    Args:
        config: what config.json gets.
        resumed_dir: the folder of the run that goes on.
        writes: False for the workers that only look on.

    Raises:
        UserError: another process trains there, or nothing can be written there.
    """
    with contextlib.ExitStack() as held:
        try:
            run_dir = resumed_dir or make_run_dir(config)
            if writes:
                held.enter_context(locked(run_dir))
                write_bytes(run_dir / "config.json", config.to_json().encode())
        except OSError as error:
            raise UserError(
                Finding(
                    str(error.filename or config.run_dir or RUNS),
                    f"can't be written ({error.strerror or error})",
                    "Make room or name another --run_dir. Nothing has been trained",
                )
            ) from error
        yield run_dir


def make_run_dir(config):
    if not config.run_dir:
        return new_run_dir(config.style)
    run_dir = Path(config.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    return run_dir


def train(config, files, run_dir, strategy, vgg19, start, resumes):
    """Trains in the run's folder, up to the end or an interrupt."""
    data = TrainingData(
        files,
        image_size=config.image_size,
        batch_size=config.batch_size,
        seed=config.seed,
        crop=config.crop,
        load_size=config.load_size,
        flip=config.flip,
        cache_dir=cache_dir_of(config),
        part=worker_of(strategy),
    )
    data.prepare_edges()
    trained_scale = data.load_size if config.crop else config.image_size
    validation = load_validation(
        files, image_size=trained_scale // 4 * 4, count=config.sample_count
    )
    judging = None
    if config.judge_every and worker_of(strategy).number == 0:
        judging = Judging(run_dir, files, vgg19, config.vgg, trained_scale)
    with strategy.scope():
        trainer = Trainer(config, run_dir, data, validation, vgg19, judging)
        if start:
            trainer.state.start_from(start[0].get_weights())
            print(f"starting from {start[1]}")
    print_plan(config, trainer)
    if resumes:
        print(f"going on at step {trainer.resume()} of {trainer.total_steps}")
    print(f"run folder: {run_dir}\nwatch: {run_dir / 'samples' / 'index.html'}", flush=True)
    print_end(run_dir, trainer.fit())


def print_plan(config, trainer):
    parts = [
        f"{epochs} of {name}"
        for epochs, name in (
            (config.init_epochs, "pre-training"),
            (config.epochs, "adversarial training"),
        )
        if epochs
    ]
    print(
        f"plan: {' and '.join(parts)} epochs, {trainer.steps_per_epoch:,} steps each, "
        f"{trainer.total_steps:,} in all; how long that takes is known after twenty"
    )
    if trainer.total_steps < SHORT_RUN and not config.start_from and is_shipped(START):
        print(
            f"hint: that is a short run for random weights; --start_from {START} begins with a "
            "generator that has learned to give photos back"
        )


def print_end(run_dir, finished):
    if not finished:
        print(
            f"stopped and saved; go on with: {command_name('train')} --resume --run_dir {run_dir}"
        )
        return
    page, earlier = run_dir / "samples" / "index.html", run_dir / "generators"
    print(f"done: {run_dir / 'generator.keras'}")
    if (run_dir / "best.keras").exists():
        print(f"best by its figures: {run_dir / 'best.keras'}, see {run_dir / 'quality.csv'}")
    choice = f"; earlier generators to choose from are in {earlier}" if earlier.is_dir() else ""
    print(
        f"The losses don't say when a style is ready. Look at {page}, the newest grids come first"
        f"{choice}."
    )
    print(f"next: {command_name('infer')} --model {run_dir} PHOTOS")
