"""Whole programs: `infer.py` on one photo, on a folder and on a video, beside the network alone."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import Row, compare, run_program

from animegan_tf.data.scenery import draw_photo
from animegan_tf.images import write_image
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.opencv import cv2
from animegan_tf.styling.plan import plan_video
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.videos import stylize_video
from animegan_tf.timing import alternate

PHOTOS, FRAMES = 30, 24


def rows(model: str | None, rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if model is None:
            model = folder / "generator.keras"
            save_generator(build_generator(), model)
        yield cold_start(model, folder, rounds)
        yield photo_folder(model, folder)
        yield video(model, folder)


def cold_start(model, folder, rounds):
    photo = folder / "photo.png"
    write_image(photo, draw_photo(np.random.default_rng(0), 256, 256))
    infer = ("infer.py", "--model", model, "--overwrite", "--output", folder / "one", photo)
    times = alternate(
        {
            "infer": lambda: run_program(*infer),
            "import": lambda: run_program("-c", "import tensorflow"),
        },
        rounds,
    )
    return compare(
        "infer.py on one photo of 256x256, cold",
        'python -c "import tensorflow"',
        times["infer"],
        times["import"],
        2.0,
    )


def photo_folder(model, folder, rounds=2):
    photos = folder / "photos"
    photos.mkdir()
    rng = np.random.default_rng(1)
    pictures = [draw_photo(rng, 512, 512) for _ in range(PHOTOS)]
    for i, picture in enumerate(pictures):
        write_image(photos / f"{i:02d}.jpg", picture)
    stylizer = Stylizer.load(model)

    def network():
        for picture in pictures:
            stylizer(picture)

    stylizer(pictures[0])
    times = alternate(
        {
            "infer": lambda: run_program(
                "infer.py", "--model", model, "--overwrite", "--output", folder / "results", photos
            ),
            "network": network,
        },
        rounds,
        warm_up=0,
    )
    beyond = [(a - b) / b for a, b in zip(times["infer"], times["network"])]
    return Row(
        f"infer.py on {PHOTOS} photos of 512x512: time beyond the network's",
        "network time",
        min(beyond),
        statistics.median(beyond),
        0.15,
        detail=f"{min(times['infer']):.1f} s against {min(times['network']):.1f} s, with "
        "TensorFlow's import",
    )


def video(model, folder, rounds=3):
    """Frames a second of a whole video, against the network's alone on the same frames."""
    source, frames = folder / "film.mp4", draw_film(540, 960)
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter_fourcc(*"mp4v"), 24, (960, 540))
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    stylizer = Stylizer.load(model, precision="bfloat16")
    job = plan_video(source, folder / "films" / source.name, overwrite=True)

    def whole():
        failure = stylize_video(stylizer, job)
        if failure:
            raise RuntimeError(str(failure))

    def network():
        for frame in frames:
            stylizer(frame)

    stylizer(frames[0])
    times = alternate({"whole": whole, "network": network}, rounds, warm_up=0)
    ratios = [b / a for a, b in zip(times["whole"], times["network"])]
    return Row(
        "video, 960x540, bfloat16: frames/s",
        "the network's alone",
        min(times["network"]) / min(times["whole"]),
        statistics.median(ratios),
        0.95,
        higher=True,
        detail=f"{FRAMES / min(times['whole']):.2f} against "
        f"{FRAMES / min(times['network']):.2f} frames/s",
    )


def draw_film(height, width):
    """A camera that pans over a landscape."""
    scene = draw_photo(np.random.default_rng(2), height, width + 4 * FRAMES)
    return [np.ascontiguousarray(scene[:, 4 * i : 4 * i + width]) for i in range(FRAMES)]
