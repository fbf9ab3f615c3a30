"""Trains a generator on pictures that come in pairs: what it gets, and what it shall make of it.

The target is known for each pixel, so there are no discriminator and no feature network, and a step
costs a third of the paper's. Resumes from the state in --out.

    python tools/pairs/train.py --out runs/pairs/photo --pairs pairs/same:1:0.5:1.0 --plain
    python tools/pairs/train.py --out runs/pairs/cel --start runs/pairs/photo/generator.keras \\
        --pairs pairs/flat:0.85:0.75:1.0:0.4 pairs/drawn:0.15
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from polyphase import build_see_through

from animegan_tf.networks.generator import build_generator, width_of
from animegan_tf.networks.keras_file import load_generator, save_generator
from animegan_tf.opencv import cv2


class Pairs:
    """Pairs from a folder of `.npz` files that hold `source` and `target`, (H, W, 3) uint8 each."""

    def __init__(self, folder, rescale=(0.6, 1.0), augment=True, detail=0.0):
        files = sorted(Path(folder).glob("*.npz"))
        if not files:
            raise SystemExit(f"{folder}: no pairs")
        self.pairs = []
        for file in files:
            with np.load(file) as arrays:
                self.pairs.append((arrays["source"], arrays["target"]))
        self.rescale, self.augment, self.detail = rescale, augment, detail

    def crop(self, rng, size, share=1.0):
        """A random square of one pair at a random scale: two uint8 arrays (size, size, 3).

        The target gets `share` of the detail that the set asks for.
        """
        pair = self.pairs[rng.integers(len(self.pairs))]
        height, width = pair[0].shape[:2]
        least = max(self.rescale[0], size / min(height, width))
        scale = np.exp(rng.uniform(np.log(least), np.log(max(self.rescale[1], least))))
        side = min(round(size / scale), height, width)
        y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
        pair = [picture[y : y + side, x : x + side] for picture in pair]
        if side != size:
            kind = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
            pair = [cv2.resize(picture, (size, size), interpolation=kind) for picture in pair]
        if self.detail * share > 0:
            pair[1] = with_detail(*pair, self.detail * share)
        if rng.random() < 0.5:
            pair = [picture[:, ::-1] for picture in pair]
        source, target = pair
        return (camera(rng, source) if self.augment else source), target


def with_detail(source, target, share, sigma=2.0):
    """The target with a share of the source's finest detail: keeps a short run from blurring.

    To take texture away, blurring is what a generator finds first, and borders go with it.
    """
    source = source.astype(np.float32)
    detail = source - cv2.GaussianBlur(source, (0, 0), sigma)
    return np.clip(target + share * detail, 0, 255)


def camera(rng, photo):
    """What cameras differ in and the target shall not follow: softness, noise, compression."""
    photo = np.ascontiguousarray(photo)
    kind = rng.random()
    if kind < 0.15:
        photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.4, 0.9))
    elif kind < 0.3:
        noise = rng.standard_normal(photo.shape, dtype=np.float32) * rng.uniform(1, 6)
        photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    elif kind < 0.4:
        quality = int(rng.integers(50, 95))
        _, data = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
        photo = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return photo


def batches(sets, weights, batch, size, seed, start=0, steps=0):
    """Endless float32 batches in [-1, 1] from a step on: (batch, size, size, 3) each side.

    The detail in the targets fades out in a line until two thirds of the `steps`; 0 steps keep it.
    """
    rng = np.random.default_rng(seed)
    weights = np.array(weights, float) / np.sum(weights)
    for step in itertools.count(start):
        share = max(0.0, 1 - 1.5 * step / steps) if steps else 1.0
        chosen = rng.choice(len(sets), batch, p=weights)
        crops = [sets[i].crop(rng, size, share) for i in chosen]
        yield tuple(np.stack(side).astype(np.float32) / 127.5 - 1 for side in zip(*crops))


def slopes(x):
    """Differences to the right and down."""
    return x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]


def chroma(x):
    """Red against green, and blue against both: (..., 3) to (..., 2)."""
    red, green, blue = tf.unstack(x, axis=-1)
    return tf.stack([red - green, blue - (red + green) / 2], -1)


def color_map(output, target, ridge=0.02):
    """The output, colored by the one linear map of colors that fits each target best.

    A generator that normalizes every convolution can't see a photo's mean color, its contrast,
    or how strong one axis of color is against another; `fit_colors` gives them back afterwards.
    Asked to guess them, it spends the run on that. The map counts as constant in gradients.
    """
    mean, wanted = (tf.reduce_mean(x, (1, 2), keepdims=True) for x in (output, target))
    a, b = (tf.reshape(x, (x.shape[0], -1, 3)) for x in (output - mean, target - wanted))
    count = tf.cast(tf.shape(a)[1], tf.float32)
    noise = ridge * tf.eye(3)
    fit = tf.linalg.solve(
        tf.matmul(a, a, transpose_a=True) / count + noise,
        tf.matmul(a, b, transpose_a=True) / count + noise,
    )
    return tf.reshape(tf.matmul(a, tf.stop_gradient(fit)), tf.shape(output)) + wanted


def pair_losses(output, matched, target):
    """L1 on the result as it is, and on the color-matched one its pixels, chroma and slopes."""
    losses = {
        "color": tf.reduce_mean(tf.abs(output - target)),
        "pixel": tf.reduce_mean(tf.abs(matched - target)),
        "chroma": tf.reduce_mean(tf.abs(chroma(matched) - chroma(target))),
        "slope": tf.add_n(
            [tf.reduce_mean(tf.abs(a - b)) for a, b in zip(slopes(matched), slopes(target))]
        ),
    }
    return losses


def rate_at(step, steps, peak, warm=50, floor=0.02):
    """Up in a line, level for half the run, then down along a cosine."""
    if step < warm:
        return peak * (step + 1) / warm
    t = max(0.0, (step / steps - 0.5) * 2)
    return peak * (floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * min(t, 1))))


def train(args):
    tf.keras.utils.set_random_seed(args.seed)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(2)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    state = out / "state.npz"
    if args.start:
        generator = load_generator(args.start, "mixed_bfloat16")
    else:
        generator = build_generator(args.width, "mixed_bfloat16")
        first = [Pairs(args.pairs[0].split(":")[0], augment=False)]
        photos, _ = next(batches(first, [1], 32, 128, args.seed))
        generator.set_weights(build_see_through(photos, args.width, args.seed).get_weights())
    variables = generator.trainable_variables
    moments = [
        [tf.Variable(tf.zeros_like(v.value), trainable=False) for v in variables] for _ in range(2)
    ]
    average = [tf.Variable(v.value, trainable=False) for v in variables]
    step = 0
    if state.exists():
        with np.load(state) as arrays:
            step = int(arrays["step"])
            for k, group in enumerate((variables, *moments, average)):
                for i, variable in enumerate(group):
                    variable.assign(arrays[f"{k}_{i}"])
        print("resumed at", step, flush=True)
    weights = dict(
        color=args.color_weight,
        pixel=args.pixel_weight,
        slope=args.slope_weight,
        chroma=args.chroma_weight,
    )

    @tf.function
    def train_step(source, target, rate, count):
        with tf.GradientTape() as tape:
            output = generator(source, training=True)
            matched = color_map(output, target)
            losses = pair_losses(output, matched, target)
            total = tf.add_n([weights[name] * value for name, value in losses.items()])
        gradients = tape.gradient(total, variables)
        gradients, _ = tf.clip_by_global_norm(gradients, args.clip)
        first, second = 1 - 0.9**count, 1 - 0.99**count
        decay = tf.minimum(0.995, count / (count + 10))
        for v, g, m, s, a in zip(variables, gradients, *moments, average):
            m.assign_add(0.1 * (g - m))
            s.assign_add(0.01 * (g * g - s))
            v.assign_sub(rate * (m / first) / (tf.sqrt(s / second) + 1e-7))
            a.assign_add((1 - decay) * (v - a))
        return losses

    def save():
        arrays = {
            f"{k}_{i}": v.numpy()
            for k, group in enumerate((variables, *moments, average))
            for i, v in enumerate(group)
        }
        with open(f"{state}.new", "wb") as file:
            np.savez(file, step=step, **arrays)
        os.replace(f"{state}.new", state)
        smooth = build_generator(width)
        for v, a in zip(smooth.trainable_variables, average):
            v.assign(a)
        save_generator(smooth, out / "generator.keras")

    width = width_of(generator)
    names, shares, scales = [], [], []
    for text in args.pairs:
        given = text.split(":")
        name, share, low, high, detail = given + ["1", "0.6", "1.0", "0"][len(given) - 1 :]
        names.append(name), shares.append(float(share))
        scales.append(((float(low), float(high)), not args.plain, float(detail)))
    sets = [Pairs(name, *more) for name, more in zip(names, scales)]
    print([len(s.pairs) for s in sets], flush=True)
    shape = (args.batch, args.size, args.size, 3)
    data = tf.data.Dataset.from_generator(
        lambda: batches(
            sets, shares, args.batch, args.size, args.seed + 1000 * step, step, args.steps
        ),
        output_signature=(tf.TensorSpec(shape), tf.TensorSpec(shape)),
    ).prefetch(4)
    began = saved = time.time()
    sums, counted = {}, 0
    for source, target in data:
        if step >= args.steps:
            break
        rate = rate_at(step, args.steps, args.rate)
        step += 1
        losses = train_step(
            source, target, tf.constant(rate, tf.float32), tf.constant(step, tf.float32)
        )
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        counted += 1
        if step % 50 == 0:
            line = " ".join(f"{n} {v / counted:.4f}" for n, v in sums.items())
            pace = (time.time() - began) / counted
            print(
                f"{step} {line} rate {rate:.1e} {pace:.2f} s/step {time.strftime('%H:%M')}",
                flush=True,
            )
            sums, counted, began = {}, 0, time.time()
        if time.time() - saved > 120:
            save()
            saved = time.time()
    save()
    print("done", step, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--pairs",
        nargs="+",
        required=True,
        help="FOLDER[:SHARE[:LEAST SCALE[:LARGEST SCALE[:DETAIL]]]]",
    )
    parser.add_argument("--out", required=True)
    parser.add_argument("--start", default="", help="a .keras file to go on from")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--color-weight", type=float, default=0.5)
    parser.add_argument("--pixel-weight", type=float, default=1.0)
    parser.add_argument("--slope-weight", type=float, default=1.0)
    parser.add_argument("--chroma-weight", type=float, default=1.0)
    parser.add_argument("--plain", action="store_true", help="no camera faults on the sources")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
