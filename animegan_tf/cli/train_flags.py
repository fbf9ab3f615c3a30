"""Trains a style: `python train.py --style shinkai`."""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags
from animegan_tf.cli.flags import define_flags
from animegan_tf.training.config import TrainConfig

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Checkpoints are intact; --resume goes on from the newest one."

FLAGS = new_flags()
define_flags(TrainConfig, FLAGS)
flags.DEFINE_string(
    "config", None, "config.json of an earlier run: repeat it; flags override", flag_values=FLAGS
)
flags.DEFINE_bool(
    "resume", False, "go on with the newest run of --style, or with --run_dir", flag_values=FLAGS
)
