"""What a run shows: a grid of samples an epoch, their animation, and the page of all epochs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from animegan_tf.images import to_uint8, write_gif, write_image
from animegan_tf.training.sample_page import GAP, write_page

GIF_FRAMES = 50
GIF_WIDTH = 960


def write_epoch(
    folder: Path,
    epoch: int,
    init_epochs: int,
    photos: np.ndarray,
    results: np.ndarray,
    *,
    finished: bool = False,
) -> np.ndarray:
    """Adds an epoch's grid, and renews the animation and the page.

    Grids of other epochs that can't be read, and other files, are passed over.

    Args:
        folder: gets `photos.png`, `epoch_NNN.png`, `progress.gif`, `index.html`; its parent is
            there.
        epoch: epochs trained so far, pre-training included; 0 before training.
        init_epochs: how many of them are pre-training.
        photos: (N, S, S, 3) float32 in [-1, 1].
        results: the same photos in anime style.
        finished: whether this was the last epoch; the page then no longer refreshes itself.

    Returns:
        The grid, uint8 (2 * (S + gap), N * (S + gap), 3): photos above, results below.

    Raises:
        OSError: something can't be written.
    """
    folder.mkdir(exist_ok=True)
    grid = np.concatenate([_row(photos), _row(results)])
    write_image(folder / "photos.png", _row(photos))
    write_image(folder / f"epoch_{epoch:03d}.png", grid)
    grids = _grids(folder, epoch, grid.shape)
    _write_gif(folder / "progress.gif", list(grids.values()))
    write_page(folder / "index.html", list(grids), init_epochs, len(photos), refresh=not finished)
    return grid


def _row(pictures):
    padded = np.pad(to_uint8(pictures), ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)


def _grids(folder, up_to, shape):
    """{epoch: path} of the grids of this shape, in order."""
    grids = {}
    for path in folder.glob("epoch_*.png"):
        number = re.fullmatch(r"epoch_(\d{3,})", path.stem)
        if number and int(number[1]) <= up_to:
            try:
                with PillowImage.open(path) as picture:
                    whole = picture.size == (shape[1], shape[0])
            except (OSError, SyntaxError, ValueError):
                continue
            if whole:
                grids[int(number[1])] = path
    return dict(sorted(grids.items()))


def _write_gif(path, grids):
    chosen = [
        grids[i]
        for i in np.unique(np.linspace(0, len(grids) - 1, min(len(grids), GIF_FRAMES)).astype(int))
    ]
    frames = []
    for grid in chosen:
        try:
            with PillowImage.open(grid) as picture:
                picture.thumbnail((GIF_WIDTH, GIF_WIDTH))
                frames.append(np.asarray(picture.convert("RGB")))
        except (OSError, SyntaxError, ValueError):  # Its header was whole, and the rest is not.
            continue
    write_gif(path, frames, [250] * (len(frames) - 1) + [2000], 0)
