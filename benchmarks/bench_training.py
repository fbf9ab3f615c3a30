"""The training step beside the plain one and PyTorch's, and the arithmetic that it reaches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import tensorflow as tf
from harness import THREADS, Row, compare
from plain import PlainTrainingState

from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.networks.table1 import measure
from animegan_tf.timing import alternate
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.steps import TrainingState

SIZE, BATCH = 256, 4
PRECISIONS = ("float32", "mixed_bfloat16")
REACH = {"float32": 0.5, "mixed_bfloat16": 0.3}


def rows(model: str | None, rounds: int) -> Iterator[Row]:
    shape = (BATCH, SIZE, SIZE, 3)
    batch = {
        name: tf.random.uniform(shape, -1, 1, seed=i)
        for i, name in enumerate(("photo", "anime", "gray", "edge_gray"))
    }
    states = {
        precision: TrainingState.from_config(
            dataclasses.replace(TrainConfig(), precision=precision),
            build_vgg19("random", precision),
        )
        for precision in PRECISIONS
    }
    plain = PlainTrainingState(TrainConfig(), build_vgg19("random"))
    steps = {"plain": lambda: float(plain.train_step(batch)["generator"])}
    for precision, state in states.items():
        steps[precision] = lambda state=state: float(state.train_step(batch)["generator"])
    try:
        steps["PyTorch"] = pytorch_step(batch)
        missing = ""
    except ImportError as error:
        missing = f"not installed ({error.name})"
    for precision in PRECISIONS:
        steps[f"peak {precision}"] = convolution(tf.as_dtype(precision.replace("mixed_", "")))
    times = alternate(steps, max(2, rounds // 3))

    what = f"train step, {SIZE}x{SIZE}, batch {BATCH}"
    for precision, reach in REACH.items():
        yield compare(
            f"{what}, {precision}",
            "the plain step, float32",
            times[precision],
            times["plain"],
            reach,
        )
    if missing:
        yield Row(f"{what}, float32", "PyTorch eager", reach=0.4, missing=missing)
    else:
        yield compare(f"{what}, float32", "PyTorch eager", times["float32"], times["PyTorch"], 0.4)
    operations = step_operations(states["float32"])
    for precision in PRECISIONS:
        peak = CONVOLUTION_OPERATIONS / min(times[f"peak {precision}"])
        reached = [operations / seconds for seconds in sorted(times[precision])]
        yield Row(
            f"{what}, {precision}: network arithmetic a second",
            "a convolution's, same run",
            reached[0] / peak,
            reached[len(reached) // 2] / peak,
            0.5,
            higher=True,
            detail=f"{reached[0] / 1e9:.0f} against {peak / 1e9:.0f} GFLOP/s",
        )


CONVOLUTION_OPERATIONS = 10 * 2 * BATCH * 64 * 64 * 9 * 256 * 256


def convolution(dtype) -> Callable:
    """Ten 3x3 convolutions of 256 channels, a kind that comes near the machine's peak."""
    x = tf.cast(tf.random.normal((BATCH, 64, 64, 256)), dtype)
    kernels = [tf.cast(tf.random.normal((3, 3, 256, 256), stddev=0.02), dtype) for _ in range(10)]

    @tf.function
    def run(x):
        for kernel in kernels:
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
        return tf.reduce_max(x)

    return lambda: float(run(x))


def step_operations(state, size: int = SIZE, batch: int = BATCH) -> int:
    """Multiplications and additions of the step's networks, forward and backward.

    The backward pass costs as much as the forward one for the inputs, and again for the weights.
    The generator takes all three; VGG19 three forward passes (photo, gray, generated) and one
    backward; the discriminator all three for four kinds of pictures, and two for the generator's
    loss.
    """
    forward = {
        name: measure(network, size).flops
        for name, network in (
            ("generator", state.generator),
            ("vgg19", state.vgg19),
            ("discriminator", state.discriminator),
        )
    }
    return batch * (3 * forward["generator"] + 4 * forward["vgg19"] + 14 * forward["discriminator"])


def pytorch_step(batch) -> Callable:
    import torch
    import torch_rival

    torch.set_num_threads(THREADS)
    step = torch_rival.TrainStep()
    tensors = [
        torch.from_numpy(batch[name].numpy().transpose(0, 3, 1, 2).copy())
        for name in ("photo", "anime", "gray", "edge_gray")
    ]
    return lambda: step(*tensors)
