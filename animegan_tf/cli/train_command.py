"""The work of `animegan train`; its flags are in `train_flags`."""

from __future__ import annotations

import functools
from pathlib import Path

from animegan_tf.cli.flags import given_flags
from animegan_tf.cli.train_flags import FLAGS
from animegan_tf.data import drawn as demo
from animegan_tf.data.batches import TrainingData, load_validation
from animegan_tf.data.check import check_training_files
from animegan_tf.data.find import find_training_files
from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.images import write_bytes
from animegan_tf.networks.perceptual import RANDOM, build_vgg19
from animegan_tf.runs import RUNS, new_run_dir, newest_run
from animegan_tf.training.config import TrainConfig, read_config
from animegan_tf.training.recipes import resolve_config
from animegan_tf.training.trainer import Trainer
from animegan_tf.training.workers import select_devices, start_strategy, worker_of

FREE_ON_RESUME = {
    "epochs",
    "save_every",
    "keep_checkpoints",
    "keep_generator_every",
    "log_every",
    "device",
    "strategy",
    "run_dir",
    "style",
}
"""What may change when a run goes on; all else would make it another run."""


def main(arguments: list[str]) -> int | None:
    config, resumed_dir = settings_of_run()
    if config.style.lower() == "demo" and not (config.photos or config.anime):
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
        functools.partial(check_run_dir, config, resumed_dir),
    )
    if config.strategy == "multiworker":  # What is wrong here is said before the others are up.
        device, files, _ = check_all(*checks)
        strategy, vgg19 = start(config)
    else:
        device, files, _, (strategy, vgg19) = check_all(*checks, functools.partial(start, config))
    files, doubts, report = check_training_files(
        files, image_size=config.image_size, skip_bad_images=config.skip_bad_images
    )
    print_plan(config, device, report, doubts)

    run_dir = resumed_dir or make_run_dir(config)
    worker = worker_of(strategy)
    if worker.index == 0:
        write_bytes(run_dir / "config.json", config.to_json().encode())
    data = TrainingData(
        files,
        image_size=config.image_size,
        batch_size=config.batch_size,
        seed=config.seed,
        crop=config.crop,
        load_size=config.load_size,
        flip=config.flip,
        cache_dir=Path(config.cache_dir or RUNS / config.style.lower() / "edges"),
        part=worker,
    )
    data.prepare_edges()
    trained_scale = data.load_size if config.crop else config.image_size
    validation = load_validation(
        files, image_size=trained_scale // 4 * 4, count=config.sample_count
    )

    with strategy.scope():
        trainer = Trainer(config, run_dir, data, validation, vgg19)
    if resumed_dir:
        print(f"going on at step {trainer.resume()} of {trainer.total_steps}")
    print(f"run folder: {run_dir}\nwatch: {run_dir / 'samples' / 'index.html'}", flush=True)
    finished = trainer.fit()
    print_end(config, run_dir, finished)


def start(config):
    """The strategy, and the perceptual network on its devices."""
    strategy = start_strategy(config.strategy)
    with strategy.scope():
        return strategy, build_vgg19(config.vgg, config.precision)


def settings_of_run():
    """The configuration, and the folder of the run to go on with (None for a new run)."""
    given = given_flags(TrainConfig, FLAGS)
    if not FLAGS.resume:
        return resolve_config(given, FLAGS.config), None
    if FLAGS.config:
        raise UserError(
            Finding(
                "--config, --resume", "a run goes on with its own config.json", "Leave --config out"
            )
        )
    run_dir = (
        Path(given["run_dir"])
        if "run_dir" in given
        else newest_run(
            given.get("style", TrainConfig.style), "config.json", "Train without --resume"
        )
    )
    saved = read_config(run_dir / "config.json")
    changed = [
        Finding(
            f"--{name}={value}",
            f"the run has {saved.get(name)!r}",
            "Leave it out, or start a new run with --config",
        )
        for name, value in given.items()
        if name not in FREE_ON_RESUME and value != saved.get(name)
    ]
    if changed:
        raise UserError(changed)
    return resolve_config(
        {k: v for k, v in given.items() if k != "style"}, run_dir / "config.json"
    ), run_dir


def check_run_dir(config, resumed_dir):
    if config.strategy == "multiworker" and not config.run_dir and not resumed_dir:
        raise UserError(
            Finding(
                "--strategy=multiworker",
                "needs --run_dir",
                "Give all workers the same folder, one that all of them see",
            )
        )
    if (
        config.run_dir
        and not resumed_dir
        and Path(config.run_dir).exists()
        and any(Path(config.run_dir).iterdir())
    ):
        raise UserError(
            Finding(
                f"--run_dir={config.run_dir}",
                "exists and is not empty",
                "Add --resume to go on with it, or name another folder",
            )
        )


def find_files(config):
    own_folders = config.photos and config.anime
    return find_training_files(
        data_dir=None if own_folders else config.data_dir,
        style=config.style,
        photos=config.photos,
        anime=config.anime,
        val=config.val,
    )


def print_plan(config, device, report, doubts):
    print(config.to_json(), end="")
    print(report)
    for finding in doubts:
        print(f"warning: {finding}")
    print(f"device: {device}")
    if config.vgg == RANDOM:
        print(
            "WARNING: the perceptual network is RANDOM (--vgg=random), not ImageNet's: it sees "
            "texture and content, not meaning. Expect a weaker style."
        )


def make_run_dir(config):
    if not config.run_dir:
        return new_run_dir(config.style)
    run_dir = Path(config.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    return run_dir


def print_end(config, run_dir, finished):
    page = run_dir / "samples" / "index.html"
    if finished:
        print(f"done: {run_dir / 'generator.keras'}")
        print(
            f"The losses don't say when a style is ready. Look at {page}, the last grids first; "
            f"earlier generators to choose from are in {run_dir / 'generators'}."
        )
        print(f"next: python infer.py --model {run_dir} PHOTOS")
    else:
        print(f"stopped and saved; go on with: python train.py --resume --run_dir {run_dir}")
