"""The work of `animegan demo`; its flags are in `demo_flags`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import numpy as np
from matplotlib import cbook

from animegan_tf import images
from animegan_tf.cli.command import INTERRUPTED
from animegan_tf.cli.demo_flags import FLAGS
from animegan_tf.cli.demo_page import write_page
from animegan_tf.cli.main import run_verb
from animegan_tf.data.drawn import make_demo_dataset
from animegan_tf.data.scenery import draw_photo
from animegan_tf.errors import Finding, UserError
from animegan_tf.runs import locked
from animegan_tf.styles import path_of, shipped
from animegan_tf.styling.stylizer import Stylizer

DRAWN_PHOTOS = 4
HEIGHT, WIDTH = 384, 512
SEED = 2019


def main(arguments: list[str]) -> int:
    """Styles photos, trains for a while, and shows both on one page."""
    folder = Path(FLAGS.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            Finding(f"--folder={folder}", error.strerror or str(error), "Name another folder")
        ) from error
    page = folder / "index.html"
    with locked(folder, "making the demo", "Wait for it, or name another --folder"):
        photos = write_photos(folder / "photos")
        styled = {style: stylize(style, photos, folder / style) for style in shipped()}
        run_dir = folder / "run"
        status = train(folder, run_dir, FLAGS.seconds) if FLAGS.seconds else 0
        write_page(page, photos, styled, run_dir)
    print(f"\nOpen this page in a browser: {page.resolve()}")
    return status


def write_photos(folder: Path) -> list[Path]:
    """Writes a real photo and drawn ones; those that are there stay."""
    folder.mkdir(exist_ok=True)
    # Grace Hopper, 1984, by James S. Davis for the US Navy: in the public domain.
    real = images.read_rgb(Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))))
    side = real.shape[1]
    pictures = {"portrait": images.rescale(real[:side, :side], HEIGHT, HEIGHT)}
    for number in range(DRAWN_PHOTOS):
        rng = np.random.default_rng((SEED, number))
        pictures[f"drawn-{number + 1}"] = draw_photo(rng, HEIGHT, WIDTH)
    paths = []
    for name, picture in pictures.items():
        paths.append(folder / f"{name}.jpg")
        if not paths[-1].exists():
            images.write_image(paths[-1], picture)
    return paths


def stylize(style: str, photos: list[Path], folder: Path) -> list[Path]:
    """Writes each photo in a style that comes with the project."""
    print(f"style {style}: {len(photos)} photos", flush=True)
    folder.mkdir(exist_ok=True)
    stylizer = Stylizer.load(path_of(style))
    paths = [folder / photo.name for photo in photos]
    for photo, path in zip(photos, paths):
        images.write_image(path, stylizer(images.read_rgb(photo)))
    return paths


def train(folder: Path, run_dir: Path, seconds: int) -> int:
    """Trains the drawn style, or goes on with it, for some seconds; the exit status."""
    print("drawing pictures to train with", flush=True)
    data_dir = make_demo_dataset(folder / "data")
    print(f"training a style with them, for {seconds} s at most", flush=True)
    settings = (
        ["--resume"]
        if (run_dir / "config.json").exists()
        else ["--style=demo", f"--data_dir={data_dir}"]
    )
    # A training ends well on Ctrl-C: it finishes its step and saves.
    end = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    end.start()
    try:
        status = run_verb("train", ["animegan train", *settings, f"--run_dir={run_dir}"])
    finally:
        end.cancel()
    return 0 if status == INTERRUPTED else status  # It had not begun before the time was over.
