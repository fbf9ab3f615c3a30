"""The work of `animegan table1`; its flags are in `table1_flags`."""

from __future__ import annotations

import tensorflow as tf

from animegan_tf.cli.table1_flags import FLAGS
from animegan_tf.networks.table1 import table


def main(arguments: list[str]) -> None:
    """Prints the table."""
    tf.get_logger().setLevel("ERROR")  # The profiler calls itself deprecated; nothing replaces it.
    print(table(FLAGS.width))
