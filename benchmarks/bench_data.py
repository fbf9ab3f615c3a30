"""What surrounds the network in training: edge smoothing, the stream of batches, memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import Row, compare, run_program
from plain import smooth_edges_by_pixel

from animegan_tf.data.batches import TrainingData
from animegan_tf.data.drawn import draw_anime, make_demo_dataset
from animegan_tf.data.edges import smooth_edges
from animegan_tf.data.find import find_training_files
from animegan_tf.images import encode_image, gray_of
from animegan_tf.timing import alternate

GPU_IMAGES_PER_SECOND = 200
SETS = (100, 10_000)


def rows(model: str | None, rounds: int) -> Iterator[Row]:
    yield edge_smoothing(rounds)
    with tempfile.TemporaryDirectory() as folder:
        yield stream(Path(folder), rounds)
    with tempfile.TemporaryDirectory() as folder:
        yield training_memory(Path(folder))


def edge_smoothing(rounds):
    rgb = draw_anime(np.random.default_rng(0), 256, 256)
    gray = gray_of(rgb)
    times = alternate(
        {"ours": lambda: smooth_edges(rgb, gray), "loop": lambda: smooth_edges_by_pixel(rgb, gray)},
        rounds,
    )
    different = int((smooth_edges(rgb, gray) != smooth_edges_by_pixel(rgb, gray)).sum())
    row = compare(
        "edge smoothing, 256x256", "a loop over pixels", times["ours"], times["loop"], 0.005
    )
    if different:
        raise AssertionError(f"{different} bytes differ from the loop's")
    return row


def stream(folder, rounds):
    """Batches of 256x256 files of that size, as the authors' data is, with smoothed edges kept."""
    make_demo_dataset(folder, photos=64, anime=64, val=4, size=256)
    data = TrainingData(
        find_training_files(data_dir=folder, style="demo"),
        image_size=256,
        batch_size=4,
        seed=0,
        cache_dir=folder / "edges",
    )
    data.prepare_edges()
    rates, count = [], 50
    batches = iter(data.dataset())
    for _ in range(10):
        next(batches)
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            next(batches)
        rates.append(4 * count / (time.perf_counter() - start))
    return Row(
        "tf.data pipeline, 256x256, batches of 4, edges kept: images/s",
        f"a GPU's {GPU_IMAGES_PER_SECOND}",
        max(rates) / GPU_IMAGES_PER_SECOND,
        float(np.median(rates)) / GPU_IMAGES_PER_SECOND,
        1,
        higher=True,
        detail=f"{max(rates):.0f} images/s, each a photo, an anime picture and an edge one",
    )


def training_memory(folder):
    """Peak resident memory of two short trainings, from 100 and from 10,000 pictures."""
    peaks = {}
    for count in SETS:
        write_pictures(folder / str(count), count)
        _, peaks[count] = run_program(
            "train.py",
            "--style",
            "bench",
            "--photos",
            folder / str(count) / "photos",
            "--anime",
            folder / str(count) / "anime",
            "--cache_dir",
            folder / str(count) / "edges",
            "--run_dir",
            folder / str(count) / "run",
            "--vgg=random",
            "--width=16",
            "--image_size=64",
            "--init_epochs=0",
            "--epochs=1",
            "--steps_per_epoch=25",
            "--device=cpu",
        )
    small, large = (peaks[count] for count in SETS)
    return Row(
        "memory of training, 10,000 pictures",
        "100 pictures",
        large / small,
        large / small,
        1.05,
        detail=f"peaks of {large / 1e6:.0f} and {small / 1e6:.0f} MB",
    )


def write_pictures(folder, count):
    """Half photos, half anime pictures, 64x64, all different."""
    rng = np.random.default_rng(0)
    picture = draw_anime(rng, 64, 64)
    for kind in ("photos", "anime"):
        (folder / kind).mkdir(parents=True)
        for i in range(count // 2):
            noisy = np.roll(picture, rng.integers(64, size=2), (0, 1))
            noisy[:4] = rng.integers(256, size=(4, 64, 3))
            (folder / kind / f"{i:05d}.png").write_bytes(encode_image(noisy, "PNG"))
