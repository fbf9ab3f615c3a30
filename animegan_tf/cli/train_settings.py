"""Which run `animegan train` is asked for: its settings, its folder, and whether it can be."""

from __future__ import annotations

from pathlib import Path

from animegan_tf.cli.flags import given_flags
from animegan_tf.cli.train_flags import FLAGS
from animegan_tf.errors import Finding, UserError
from animegan_tf.runs import LOCK, RUNS, check_folder, check_name, check_room, newest_run
from animegan_tf.training.checkpoints import expected_bytes
from animegan_tf.training.config import TrainConfig, read_config, settings
from animegan_tf.training.recipes import resolve_config

FREE_ON_RESUME = {
    "epochs",
    "save_every",
    "keep_checkpoints",
    "keep_generator_every",
    "log_every",
    "judge_every",
    "device",
    "strategy",
    "run_dir",
}
"""What may change when a run goes on; all else would make it another run."""


def settings_of_run() -> tuple[TrainConfig, Path | None]:
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
    run_dir = find_run(given)
    defaults = {setting.name: setting.default for setting in settings(TrainConfig)}
    saved = {**defaults, **read_config(run_dir / "config.json")}
    changed = [
        Finding(
            f"--{name}={value}",
            f"the run has {saved[name]!r}",
            "Leave it out, or start a new run with --config",
        )
        for name, value in given.items()
        if name not in FREE_ON_RESUME
        and (value.lower() != saved[name].lower() if name == "style" else value != saved[name])
    ]
    if changed:
        raise UserError(changed)
    own = {name: value for name, value in given.items() if name in FREE_ON_RESUME}
    return resolve_config({**own, "run_dir": str(run_dir)}, run_dir / "config.json"), run_dir


def find_run(given: dict) -> Path:
    """The folder of the run that --resume means."""
    if "run_dir" in given:
        return Path(given["run_dir"])
    if "style" in given:
        return newest_run(given["style"], "config.json", "Train without --resume")
    raise UserError(
        Finding("--resume", "which run is meant?", "Add --style for its newest run, or --run_dir")
    )


def check_folders(config: TrainConfig, resumed_dir: Path | None) -> None:
    """Checks that the run and the cache have a place that can be written to."""
    findings = []
    named = resumed_dir or (Path(config.run_dir) if config.run_dir else None)
    if config.strategy == "multiworker" and not named:
        findings.append(
            Finding(
                "--strategy=multiworker",
                "needs --run_dir",
                "Give all workers the same folder, one that all of them see",
            )
        )
    place = named or RUNS / config.style.lower()
    for check in (
        lambda: check_name("--style", config.style) if config.style and not resumed_dir else None,
        lambda: check_folder("--run_dir", place),
        lambda: check_folder("--cache_dir", cache_dir_of(config)),
    ):
        try:
            check()
        except UserError as error:
            findings += error.findings
    if findings:
        raise UserError(findings)
    if not resumed_dir and place == named and _holds_something(named):
        raise UserError(
            Finding(
                f"--run_dir={named}",
                "exists and is not empty",
                "Add --resume to go on with it, or name another folder",
            )
        )
    check_room_for_checkpoints(config, place)


def _holds_something(folder):
    return folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())


def check_room_for_checkpoints(config: TrainConfig, place: Path) -> None:
    """Checks that a run's checkpoints fit the disk before hours are spent on them."""
    existing = len(list(place.glob("checkpoints/step_*")))
    needed = max(1, config.keep_checkpoints + 1 - existing) * expected_bytes(config.width)
    remedy = ", name a folder on another disk, or keep fewer with --keep_checkpoints"
    check_room("--run_dir", place, needed, "the checkpoints", remedy)


def cache_dir_of(config: TrainConfig) -> Path:
    """Where edge-smoothed pictures are kept."""
    return Path(config.cache_dir or RUNS / config.style.lower() / "edges")
