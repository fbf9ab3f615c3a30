"""Makes pairs for `train_pairs.py`: `.npz` files with `source` and `target`, uint8 (H, W, 3).

python tools/pairs/prepare.py drawn --output pairs/drawn --count 500
python tools/pairs/prepare.py painted --photos DIR --output pairs/painted --sizes 240,340,460
python tools/pairs/prepare.py same --photos DIR --output pairs/same --sizes 384
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from draw import draw_pair
from paint import paint

from animegan_tf.images import find_images, read_rgb, rescale

DRAWN_SIZES = ((256, 320), (256, 256), (320, 256), (288, 384))
FIRST_SEED = 1000


def drawn_pairs(count):
    """(name, photo, cel) of so many drawn scenes."""
    for number in range(count):
        size = DRAWN_SIZES[number % len(DRAWN_SIZES)]
        yield f"{number:04}", *draw_pair(np.random.default_rng(FIRST_SEED + number), *size)


def photo_pairs(folder, sizes, target_of):
    """(name, photo, target) of each photo, with its shorter side reduced to each size."""
    for size in sizes:
        for path in find_images(folder):
            photo = read_rgb(path)
            scale = size / min(photo.shape[:2])
            if scale <= 1:
                photo = rescale(photo, *(round(side * scale) for side in photo.shape[:2]))
                yield f"{size}_{path.stem}", photo, target_of(photo)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("kind", choices=("drawn", "painted", "same"))
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--photos", type=Path, help="folder of photos, for painted and same")
    parser.add_argument("--sizes", default="240", help="shorter sides in pixels, with commas")
    parser.add_argument("--count", type=int, default=500, help="drawn pairs")
    arguments = parser.parse_args()
    if arguments.kind != "drawn" and not arguments.photos:
        parser.error(f"{arguments.kind} needs --photos")
    if arguments.kind == "drawn":
        pairs = drawn_pairs(arguments.count)
    else:
        sizes = [int(size) for size in arguments.sizes.split(",")]
        target_of = paint if arguments.kind == "painted" else np.copy
        pairs = photo_pairs(arguments.photos, sizes, target_of)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, source, target in pairs:
        np.savez(arguments.output / name, source=source, target=target)


if __name__ == "__main__":
    main()
