#!/usr/bin/env python3
"""What tiles cost and how close they come to the whole picture.

    python benchmarks/tiles.py --model runs/shinkai/1 --photos photos/ --megapixels 2,4
    python benchmarks/tiles.py --model runs/shinkai/1 --photos photos/ --peak 7680x4320

The first prints for each size, each on another photo, the PSNR of both ways of tiling against the
whole picture's result, and seconds; it needs 2.8 GB for each megapixel at the paper's width. The
second prints the peak resident memory of one picture under --memory_limit. Photos are enlarged to
the size, with grain, so that they have detail at every scale.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from animegan_tf import images
from animegan_tf.cli.command import new_flags, run
from animegan_tf.networks.loading import find_weights, read_model
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.tiles import TiledGenerator

FLAGS = new_flags()
flags.DEFINE_string("model", None, "as infer.py's", required=True, flag_values=FLAGS)
flags.DEFINE_string("photos", None, "folder of photos", required=True, flag_values=FLAGS)
flags.DEFINE_list("megapixels", ["2"], "sizes", flag_values=FLAGS)
flags.DEFINE_integer("tile", 384, "side of the tiles", flag_values=FLAGS)
flags.DEFINE_string("peak", None, "WIDTHxHEIGHT: measure memory instead", flag_values=FLAGS)
flags.DEFINE_float("memory_limit", 2.5, "gigabytes, for --peak", flag_values=FLAGS)


def main(_):
    photos = images.find_images(FLAGS.photos)
    if FLAGS.peak:
        measure_peak(photos[0])
    else:
        measure_psnr(photos)


def measure_peak(path):
    width, height = map(int, FLAGS.peak.split("x"))
    photo = enlarged(path, height, width)
    stylizer = Stylizer.load(FLAGS.model, memory_limit=FLAGS.memory_limit * 1e9)
    start = time.monotonic()
    stylizer(photo)
    # ru_maxrss counts kilobytes on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"{width}x{height}: tiles of {stylizer.tile_for(height, width)}, peak {peak:.2f} GB, "
        f"{time.monotonic() - start:.0f} s"
    )


def measure_psnr(photos):
    generator = read_model(find_weights(FLAGS.model))
    whole, tiled = Stylizer(generator, memory_limit=1e12), TiledGenerator(generator)
    small = np.zeros((64, 64, 3), np.uint8)
    for stylize in (whole, *ways(tiled).values()):
        stylize(small)  # Traced here, so that the times below are of the work alone.
    for number, megapixels in enumerate(map(float, FLAGS.megapixels)):
        path = photos[number * len(photos) // len(FLAGS.megapixels)]
        height, width = images.read_rgb(path).shape[:2]
        scale = (megapixels * 1e6 / (height * width)) ** 0.5
        photo = enlarged(path, int(height * scale) // 4 * 4, int(width * scale) // 4 * 4)
        expected, seconds = timed(whole, photo)
        parts = [f"{path.name} {photo.shape[1]}x{photo.shape[0]}: whole {seconds:.0f} s"]
        for name, way in ways(tiled).items():
            result, seconds = timed(way, photo)
            parts.append(f"{name} {psnr(result, expected):.1f} dB {seconds:.0f} s")
        print(", ".join(parts), flush=True)


def ways(tiled):
    return {
        "short steps": lambda photo: tiled(photo, FLAGS.tile, short_steps=True),
        "long steps": lambda photo: tiled(photo, FLAGS.tile, short_steps=False),
    }


def enlarged(path, height, width):
    photo = cv2.resize(images.read_rgb(path), (width, height), interpolation=cv2.INTER_LANCZOS4)
    grain = np.random.default_rng(0).normal(0, 3, (height, width, 1)).astype(np.float32)
    return np.clip(photo + grain, 0, 255).astype(np.uint8)


def timed(function, *arguments):
    start = time.monotonic()
    return function(*arguments), time.monotonic() - start


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(np.float32) - b) ** 2))


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
