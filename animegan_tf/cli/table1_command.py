"""The work of `animegan table1`; its flags are in `table1_flags`."""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.cli.table1_flags import FLAGS
from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.generator import is_width
from animegan_tf.networks.table1 import table


def main(arguments: list[str]) -> None:
    """Prints the table."""
    if not is_width(FLAGS.width):
        raise UserError(Finding(f"--width={FLAGS.width}", "not an even number", "Give 64, or 32"))
    tf.get_logger().setLevel("ERROR")  # The profiler calls itself deprecated; nothing replaces it.
    print(table(FLAGS.width))
