"""Where the generator's time goes on a CPU: milliseconds of each kind of operation.

python benchmarks/operations.py --size 256 --precision float32
ONEDNN_VERBOSE=1 python benchmarks/operations.py    # each primitive, as oneDNN logs it
"""

from __future__ import annotations

import collections
import sys
from pathlib import Path

import numpy as np
from absl import flags

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import tensorflow as tf

from animegan_tf.cli.command import new_flags, run
from animegan_tf.networks.frozen import constant_network
from animegan_tf.networks.generator import build_generator
from animegan_tf.styling.options import PRECISIONS
from animegan_tf.timing import alternate

ROUNDS = 5

FLAGS = new_flags()
flags.DEFINE_integer("size", 256, "height and width, in pixels", flag_values=FLAGS)
flags.DEFINE_integer("width", 64, "channels of the first convolution", flag_values=FLAGS)
flags.DEFINE_enum(
    "precision", "float32", list(PRECISIONS), "number format of the convolutions", flag_values=FLAGS
)


def main(_):
    v1 = tf.compat.v1
    network = constant_network(
        build_generator(FLAGS.width, PRECISIONS[FLAGS.precision]), batch_of_one=True
    )
    with tf.Graph().as_default():
        photo = v1.placeholder(tf.float32, (1, None, None, 3))
        anime = network(photo)
        feed = {
            photo: np.random.default_rng(0)
            .uniform(-1, 1, (1, FLAGS.size, FLAGS.size, 3))
            .astype(np.float32)
        }
        with v1.Session() as session:
            whole = alternate({"": lambda: session.run(anime, feed)}, ROUNDS)[""]
            totals, counts = collections.Counter(), collections.Counter()
            for _ in range(ROUNDS):
                traced = v1.RunMetadata()
                session.run(
                    anime, feed, v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE), traced
                )
                for node in (n for d in traced.step_stats.dev_stats for n in d.node_stats):
                    kind = node.timeline_label.split("=")[-1].split("(")[0].strip()
                    totals[kind] += (node.op_end_rel_micros - node.op_start_rel_micros) / ROUNDS
                    counts[kind] += 1 / ROUNDS
    print(
        f"{FLAGS.size}x{FLAGS.size}, {FLAGS.precision}: {1000 * min(whole):.0f} ms in all; some "
        "operations overlap\n\n| operation | ms | how many |\n| --- | --- | --- |"
    )
    for kind, microseconds in totals.most_common(10):
        print(f"| {kind} | {microseconds / 1000:.1f} | {counts[kind]:.0f} |")


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
