"""How far this project's numbers are from the authors' own: the README's table.

python benchmarks/faithfulness.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in ("", "tests")]

import golden_values as golden  # Imports the package before TensorFlow, for a quiet start.
import numpy as np
import tensorflow as tf

from animegan_tf.data.edges import smooth_edges
from animegan_tf.images import match_brightness, read_gray, read_rgb, resize
from animegan_tf.networks.discriminator import build_discriminator
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.layers import GramMatrix
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training.config import LossWeights, TrainConfig
from animegan_tf.training.objectives import (
    discriminator_objective,
    generator_objective,
    pretrain_objective,
)
from animegan_tf.training.steps import TrainingState


def largest(actual, expected):
    return f"{np.abs(np.asarray(actual, np.float64) - expected).max():.1e}"


def relative(actual, expected):
    return abs(float(actual) - expected) / abs(expected)


def networks():
    generator, discriminator = build_generator(), build_discriminator()
    golden.load_golden_weights(golden.generator_variables(generator), "generator")
    golden.load_golden_weights(golden.discriminator_variables(discriminator), "discriminator")
    vgg19 = build_vgg19("random")
    golden.load_golden_vgg19(vgg19)
    return generator, discriminator, vgg19


def outputs():
    generator, discriminator, vgg19 = networks()
    photo = golden.picture("photo_64")
    yield (
        "generator output, 64x64",
        "largest",
        largest(generator(photo), golden.arrays("generator")["out_64"]),
    )
    yield (
        "generator output, 50x70 to 48x68",
        "largest",
        largest(generator(golden.picture("photo_50x70")), golden.arrays("generator")["out_50x70"]),
    )
    expected = golden.arrays("discriminator")
    for call, name in (("call1", "first"), ("call2", "second")):
        logits = discriminator(photo, training=True)
        yield (
            f"discriminator logits, {name} call",
            "largest",
            largest(logits, expected[f"logits_64_{call}"]),
        )
    yield (
        "spectral vectors u after two calls",
        "largest",
        max(
            largest(discriminator.get_layer(f"{layer}_sn").u, expected[f"u_after_call2_conv_0{i}"])
            for i, layer in enumerate(golden.DISCRIMINATOR_LAYERS)
        ),
    )
    features = vgg19(photo)
    yield (
        "VGG19 conv4_4, values up to 635",
        "largest",
        largest(features, golden.arrays("vgg19")["conv4_4_preact"]),
    )
    yield (
        "Gram matrix, values up to 289",
        "largest",
        largest(
            GramMatrix()(features)[0].numpy()[np.triu_indices(512)],
            golden.arrays("vgg19")["gram_image0_upper_triangle"],
        ),
    )


def loss_terms():
    generator, discriminator, vgg19 = networks()
    batch, expected = golden.training_batch(), golden.values("losses")
    generated = generator(batch["photo"])
    g_total, g = generator_objective(discriminator, vgg19, batch, generated, LossWeights(), False)
    d_total, d = discriminator_objective(discriminator, batch, generated, LossWeights())
    pretrain, _ = pretrain_objective(vgg19, batch["photo"], generated, LossWeights())
    pairs = [
        (g["content"], "content"),
        (g["gray_style"], "gray_style"),
        (g["color"], "color"),
        (g["adversarial"], "g_adv"),
        (d["d_anime"], "d_real"),
        (d["d_generated"], "d_fake"),
        (d["d_gray"], "d_gray"),
        (d["d_edge_gray"], "d_smooth"),
        (g_total, "total_g_alone"),
        (d_total, "total_d_alone"),
        (pretrain, "init_phase_alone"),
    ]
    yield (
        "eight loss terms and three totals",
        "relative, worst",
        (f"{max(relative(value, expected[name]) for value, name in pairs):.1e}"),
    )


def gradients():
    generator, discriminator, vgg19 = networks()
    batch, stored = golden.training_batch(), golden.arrays("gradients")
    variables = {
        **golden.generator_variables(generator),
        **golden.discriminator_variables(discriminator),
    }
    objectives = {
        "total_g": lambda x: generator_objective(
            discriminator, vgg19, batch, x, LossWeights(), False
        )[0],
        "init_phase": lambda x: pretrain_objective(vgg19, batch["photo"], x, LossWeights())[0],
        "total_d": lambda x: discriminator_objective(
            discriminator, batch, tf.stop_gradient(x), LossWeights()
        )[0],
    }
    for name, objective in objectives.items():
        names = list(stored[f"{name}_names"])
        with tf.GradientTape() as tape:
            total = objective(generator(batch["photo"]))
        norms = [np.linalg.norm(g) for g in tape.gradient(total, [variables[n] for n in names])]
        errors = [
            relative(norm, expected)
            for n, norm, expected in zip(names, norms, stored[f"{name}_l2"])
            if n not in golden.ZERO_GRADIENT
        ]
        yield (
            f"gradient norms of {name}, {len(errors)} variables",
            "relative, median / worst",
            f"{np.median(errors):.1e} / {max(errors):.1e}",
        )


def first_iteration():
    generator, discriminator, vgg19 = networks()
    state = TrainingState.from_config(TrainConfig(), vgg19)
    state.generator.set_weights(generator.get_weights())
    state.discriminator.set_weights(discriminator.get_weights())
    values = state.train_step(golden.training_batch())
    yield (
        "generator loss after the first discriminator update, 599.12",
        "relative",
        (f"{relative(values['generator'], 599.12):.1e}"),
    )


def data_tools():
    different = 0
    for name in ("synthetic", "synthetic_200x300"):
        source = golden.GOLDEN / "edge" / f"{name}_in.png"
        smooth = smooth_edges(
            resize(read_rgb(source), 256, 256), resize(read_gray(source), 256, 256)
        )
        different += np.sum(smooth != read_rgb(golden.GOLDEN / "edge" / f"{name}_smooth.png"))
    yield "edge smoothing, two pictures of 256x256", "bytes that differ", str(different)
    stored = golden.arrays("brightness")
    yield (
        "brightness adjustment",
        "bytes that differ",
        str(
            np.sum(
                match_brightness(stored["photo_rgb"], stored["generated_rgb"])
                != stored["adjusted_rgb"]
            )
        ),
    )


if __name__ == "__main__":
    print(f"TensorFlow {tf.__version__}, float32, CPU\n")
    print("| quantity | error | found |\n| --- | --- | --- |")
    for part in (outputs, loss_terms, gradients, first_iteration, data_tools):
        for quantity, kind, found in part():
            print(f"| {quantity} | {kind} | {found} |", flush=True)
