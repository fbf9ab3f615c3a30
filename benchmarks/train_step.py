"""Images per second of the training step, for each precision, with and without XLA.

    python benchmarks/train_step.py                       # 256x256, batch 4, the paper's network
    python benchmarks/train_step.py --image_size 64 --width 16 --seconds 5

The variants run in turn, many rounds each, in one process: compare them with one another, not with
another machine's.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import sys
import time
from pathlib import Path

from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from animegan_tf.config import TrainConfig
from animegan_tf.devices import select_device
from animegan_tf.errors import run_main
from animegan_tf.perceptual import build_vgg19
from animegan_tf.training import TrainingState

import tensorflow as tf

flags.DEFINE_integer("image_size", 256, "height and width, in pixels")
flags.DEFINE_integer("batch_size", 4, "pictures of each kind in a step")
flags.DEFINE_integer("width", 64, "channels of the first convolution")
flags.DEFINE_float("seconds", 60, "how long to measure, all variants together")
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or gpu:N")
FLAGS = flags.FLAGS


def main(_):
    device = select_device(FLAGS.device)
    on_gpu = "gpu" in device
    steps = {}
    for precision, xla in itertools.product(("float32", "mixed_bfloat16"),
                                            (False, True) if on_gpu else (False,)):
        config = dataclasses.replace(TrainConfig(), width=FLAGS.width, precision=precision, xla=xla)
        state = TrainingState(config, build_vgg19("random", precision))
        steps[precision + (" XLA" if xla else "")] = state.train_step
    shape = (FLAGS.batch_size, FLAGS.image_size, FLAGS.image_size, 3)
    batch = {name: tf.random.uniform(shape, -1, 1) for name in
             ("photo", "anime", "gray", "edge_gray")}

    times = {name: [] for name in steps}
    for step in steps.values():  # Traces, compiles, and lets cuDNN choose its algorithms.
        for _ in range(2):
            float(step(batch)["generator"])
    end = time.perf_counter() + FLAGS.seconds
    while time.perf_counter() < end or len(times["float32"]) < 3:
        for name, step in steps.items():
            start = time.perf_counter()
            float(step(batch)["generator"])  # Fetching a value waits for the device.
            times[name].append(time.perf_counter() - start)

    print(f"{device}, TensorFlow {tf.__version__}, {FLAGS.image_size}x{FLAGS.image_size}, batch "
          f"{FLAGS.batch_size}, width {FLAGS.width}, {len(times['float32'])} rounds\n")
    print("| variant | images/s, median | images/s, best | time / float32's, median |")
    print("| --- | --- | --- | --- |")
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, times["float32"]))
        print(f"| {name} | {FLAGS.batch_size / statistics.median(seconds):.2f} | "
              f"{FLAGS.batch_size / min(seconds):.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    run_main(main)
