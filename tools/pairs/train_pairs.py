"""Trains a generator on pictures that come in pairs: what it gets, and what it shall make of it.

The target is known for each pixel, so there are no discriminator and no feature network, and a step
costs a third of the paper's. Resumes from the state in --out.

    python tools/pairs/train_pairs.py --out runs/photo --pairs pairs/same:1:0.5:1.0 --plain
    python tools/pairs/train_pairs.py --out runs/cel --start runs/photo/generator.keras \\
        --pairs pairs/painted:0.86:0.8:1.0 pairs/drawn:0.14:0.7:1.0
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


def sharpness(x, side=8):
    """How strong slopes are around each place: their root mean square in windows of `side` pixels.

    Averages of what might be, which L1 asks for where a network is in doubt, are blurred: their
    slopes add up to the same, but the squares of them do not.
    """
    return [
        tf.sqrt(tf.nn.avg_pool2d(tf.square(slope), side, side // 2, "VALID") + 1e-4)
        for slope in slopes(x)
    ]


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
    """L1 on the result as it is, and on the color-matched one its pixels, chroma, and borders."""

    def distance(measure):
        pairs = zip(measure(matched), measure(target))
        return tf.add_n([tf.reduce_mean(tf.abs(a - b)) for a, b in pairs])

    return {
        "color": tf.reduce_mean(tf.abs(output - target)),
        "pixel": distance(lambda x: [x]),
        "chroma": distance(lambda x: [chroma(x)]),
        "slope": distance(slopes),
        "sharpness": distance(sharpness),
    }


def rate_at(step, steps, peak, warm=50, floor=0.02):
    """Up in a line, level for half the run, then down along a cosine."""
    if step < warm:
        return peak * (step + 1) / warm
    t = max(0.0, (step / steps - 0.5) * 2)
    return peak * (floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * min(t, 1))))


class Trainer:
    """A generator, its optimizer's state, and the running mean of its weights, which is what ships.

    Adam with the moments 0.9 and 0.99, gradients clipped by their global norm.
    """

    def __init__(self, generator, weights, clip=1.0):
        self.generator = generator
        self._weights, self._clip = weights, clip
        self._variables = generator.trainable_variables
        self._moments = [
            [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._variables]
            for _ in range(2)
        ]
        self._average = [tf.Variable(v, trainable=False) for v in self._variables]

    @tf.function
    def step(self, source, target, rate, count):
        """One update, the `count`-th; the losses by name."""
        with tf.GradientTape() as tape:
            output = self.generator(source, training=True)
            losses = pair_losses(output, color_map(output, target), target)
            total = tf.add_n([self._weights[name] * value for name, value in losses.items()])
        gradients = tape.gradient(total, self._variables)
        gradients, _ = tf.clip_by_global_norm(gradients, self._clip)
        first, second = 1 - 0.9**count, 1 - 0.99**count
        decay = tf.minimum(0.995, count / (count + 10))
        for v, g, m, s, a in zip(self._variables, gradients, *self._moments, self._average):
            m.assign_add(0.1 * (g - m))
            s.assign_add(0.01 * (g * g - s))
            v.assign_sub(rate * (m / first) / (tf.sqrt(s / second) + 1e-7))
            a.assign_add((1 - decay) * (v - a))
        return losses

    def save(self, folder, step):
        """The state, to go on from, and `generator.keras` with the mean weights."""
        arrays = {f"{k}_{i}": v.numpy() for k, group in self._groups() for i, v in enumerate(group)}
        with open(folder / "state.npz.new", "wb") as file:
            np.savez(file, step=step, **arrays)
        os.replace(folder / "state.npz.new", folder / "state.npz")
        smooth = build_generator(width_of(self.generator))
        for variable, mean in zip(smooth.trainable_variables, self._average):
            variable.assign(mean)
        save_generator(smooth, folder / "generator.keras")

    def restore(self, folder):
        """Goes on from a saved state; the number of steps that were made, 0 without a state."""
        if not (folder / "state.npz").exists():
            return 0
        with np.load(folder / "state.npz") as arrays:
            for k, group in self._groups():
                for i, variable in enumerate(group):
                    variable.assign(arrays[f"{k}_{i}"])
            return int(arrays["step"])

    def _groups(self):
        return enumerate((self._variables, *self._moments, self._average))


class Progress:
    """Prints the mean losses and the pace, every 50 steps."""

    def __init__(self):
        self._began, self._sums, self._count = time.time(), {}, 0

    def add(self, step, losses, rate):
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1
        if step % 50:
            return
        means = " ".join(f"{name} {value / self._count:.4f}" for name, value in self._sums.items())
        pace = (time.time() - self._began) / self._count
        print(step, means, f"rate {rate:.1e} {pace:.2f} s/step", flush=True)
        self.__init__()


def first_generator(args):
    """That of --start, or one that lets the photos of the first set through."""
    if args.start:
        return load_generator(args.start, "mixed_bfloat16")
    generator = build_generator(args.width, "mixed_bfloat16")
    first = [Pairs(args.pairs[0].split(":")[0], augment=False)]
    photos, _ = next(batches(first, [1], 32, 128, args.seed))
    generator.set_weights(build_see_through(photos, args.width, args.seed).get_weights())
    return generator


def read_sets(args):
    """The sets of pairs of --pairs, and the share of each."""
    sets, shares = [], []
    for text in args.pairs:
        given = text.split(":")
        folder, *numbers = given + ["1", "0.6", "1.0", "0"][len(given) - 1 :]
        share, low, high, detail = map(float, numbers)
        sets.append(Pairs(folder, (low, high), not args.plain, detail))
        shares.append(share)
    return sets, shares


def train(args):
    tf.keras.utils.set_random_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    weights = {
        "color": args.color_weight,
        "pixel": args.pixel_weight,
        "slope": args.slope_weight,
        "chroma": args.chroma_weight,
        "sharpness": args.sharpness_weight,
    }
    sets, shares = read_sets(args)
    trainer = Trainer(first_generator(args), weights, args.clip)
    start = trainer.restore(out)
    print(f"{[len(s.pairs) for s in sets]} pairs, from step {start}", flush=True)
    spec = tf.TensorSpec((args.batch, args.size, args.size, 3))
    seed = args.seed + 1000 * start
    data = tf.data.Dataset.from_generator(
        lambda: batches(sets, shares, args.batch, args.size, seed, start, args.steps),
        output_signature=(spec, spec),
    ).prefetch(4)
    progress, saved = Progress(), time.time()
    for step, (source, target) in zip(range(start + 1, args.steps + 1), data):
        rate = rate_at(step - 1, args.steps, args.rate)
        losses = trainer.step(source, target, *(tf.constant(x, tf.float32) for x in (rate, step)))
        progress.add(step, losses, rate)
        if time.time() - saved > 120:
            trainer.save(out, step)
            saved = time.time()
    trainer.save(out, args.steps)


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
    parser.add_argument("--sharpness-weight", type=float, default=1.0)
    parser.add_argument("--plain", action="store_true", help="no camera faults on the sources")
    parser.add_argument("--seed", type=int, default=0)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
