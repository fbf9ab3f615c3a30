"""Images per second on a GPU, into results-gpu.md: the train step, inference, and the share of the
matrix peak that they reach.

    python benchmarks/gpu.py                              # the paper's network, about 10 minutes
    python benchmarks/gpu.py --device cpu --image_size 64 --width 16 --seconds 2   # a trial

Every variant runs in turn with the others, many rounds each, in one process.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import statistics
import sys
import time
from pathlib import Path

from absl import flags

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import tensorflow as tf
from bench_training import step_operations

from animegan_tf.cli.command import new_flags, run
from animegan_tf.devices import select_device
from animegan_tf.images import write_bytes
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.networks.table1 import measure
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.steps import TrainingState

PRECISIONS = {"float32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
TRAINED = ("float32", "mixed_bfloat16")

FLAGS = new_flags()
flags.DEFINE_integer("image_size", 256, "height and width, in pixels", flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 4, "pictures of each kind in a train step", flag_values=FLAGS)
flags.DEFINE_integer(
    "inference_batch", 8, "pictures that go through the generator together", flag_values=FLAGS
)
flags.DEFINE_integer("width", 64, "channels of the first convolution", flag_values=FLAGS)
flags.DEFINE_float("seconds", 60, "how long to measure each of the three groups", flag_values=FLAGS)
flags.DEFINE_bool(
    "xla", True, "measure with XLA as well; its compilation takes minutes", flag_values=FLAGS
)
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or gpu:N", flag_values=FLAGS)
flags.DEFINE_string("output", str(HERE / "results-gpu.md"), "the table's file", flag_values=FLAGS)


def main(_):
    tf.get_logger().setLevel("ERROR")  # It takes variants in a loop for needless retracing.
    device = select_device(FLAGS.device)
    compiled = (False, True) if FLAGS.xla else (False,)
    peaks = matrix_peaks()
    lines = [
        f"# On {device}",
        "",
        f"{datetime.date.today()}, TensorFlow {tf.__version__}, width {FLAGS.width}, "
        f"{FLAGS.image_size}x{FLAGS.image_size}. Made by `python benchmarks/gpu.py`.",
        "",
        "| matrix product, 4096 | TFLOP/s |",
        "| --- | --- |",
        *(f"| {name} | {peak / 1e12:.1f} |" for name, peak in peaks.items()),
        "",
    ]
    lines += table(f"train step, batch {FLAGS.batch_size}", train_steps(compiled), peaks)
    lines += table(f"inference, batch {FLAGS.inference_batch}", inference(compiled), peaks)
    text = "\n".join(lines)
    write_bytes(Path(FLAGS.output), text.encode())
    print(text)


def matrix_peaks():
    """Operations per second of a large matrix product in each number format."""
    products, operations = {}, 2 * 4096**3
    for name in PRECISIONS.values():
        matrix = tf.cast(tf.random.normal((4096, 4096)), name)

        @tf.function
        def product(matrix=matrix):
            return tf.reduce_max(tf.matmul(matrix, matrix))

        products[name] = lambda product=product: float(product())
    return {name: operations / min(times) for name, times in in_turn(products).items()}


def train_steps(compiled):
    """{variant: (function, precision, pictures, operations) of one call}"""
    shape = (FLAGS.batch_size, FLAGS.image_size, FLAGS.image_size, 3)
    batch = {
        name: tf.random.uniform(shape, -1, 1) for name in ("photo", "anime", "gray", "edge_gray")
    }
    variants = {}
    for precision, xla in itertools.product(TRAINED, compiled):
        config = dataclasses.replace(TrainConfig(), width=FLAGS.width, precision=precision, xla=xla)
        state = TrainingState.from_config(config, build_vgg19("random", precision))
        operations = step_operations(state, FLAGS.image_size, FLAGS.batch_size)
        variants[_name(precision, xla)] = (
            lambda state=state: float(state.train_step(batch)["generator"]),
            precision,
            FLAGS.batch_size,
            operations,
        )
    return variants


def inference(compiled):
    """The same for the generator alone."""
    photos = tf.random.uniform((FLAGS.inference_batch, FLAGS.image_size, FLAGS.image_size, 3), -1)
    operations = (
        FLAGS.inference_batch * measure(build_generator(FLAGS.width), FLAGS.image_size).flops
    )
    variants = {}
    for precision, xla in itertools.product(PRECISIONS, compiled):
        generator = build_generator(FLAGS.width, precision)
        run = tf.function(
            lambda x, generator=generator: tf.reduce_sum(generator(x)), jit_compile=xla or None
        )
        variants[_name(precision, xla)] = (
            lambda run=run: float(run(photos)),
            precision,
            FLAGS.inference_batch,
            operations,
        )
    return variants


def _name(precision, xla):
    return PRECISIONS[precision] + (", XLA" if xla else "")


def in_turn(functions):
    """Seconds of each call; the calls before them trace, compile, and let cuDNN choose."""
    for function in functions.values():
        for _ in range(3):
            function()
    times = {name: [] for name in functions}
    end = time.perf_counter() + FLAGS.seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, function in functions.items():
            start = time.perf_counter()
            function()  # Fetching a value waits for the device.
            times[name].append(time.perf_counter() - start)
    return times


def table(title, variants, peaks):
    times = in_turn({name: function for name, (function, *_) in variants.items()})
    lines = [
        f"| {title} | images/s, median | images/s, best | time / float32's | share of the "
        "matrix peak |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (_, precision, pictures, operations) in variants.items():
        seconds = times[name]
        ratio = statistics.median(a / b for a, b in zip(seconds, times["float32"]))
        share = operations / min(seconds) / peaks[PRECISIONS[precision]]
        lines.append(
            f"| {name} | {pictures / statistics.median(seconds):.2f} | "
            f"{pictures / min(seconds):.2f} | {ratio:.2f} | {share:.0%} |"
        )
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
