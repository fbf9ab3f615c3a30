"""Prints the paper's Table 1, measured on this project's own networks: `animegan table1`."""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Nothing was written."

FLAGS = new_flags()
flags.DEFINE_integer(
    "width",
    64,
    "channels of the generator's first convolution: an even number",
    lower_bound=4,
    upper_bound=512,
    flag_values=FLAGS,
)
