"""What a run shows: sample grids, their animation, a page of all epochs, the loss curves."""

from __future__ import annotations

import csv
import html
import os
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from animegan_tf.images import to_uint8, write_gif, write_image

GIF_FRAMES = 50
GIF_WIDTH = 960


def write_epoch(
    folder: Path, epoch: int, init_epochs: int, photos: np.ndarray, results: np.ndarray
) -> None:
    """Adds an epoch's grid, and renews the animation and the page.

    Args:
        folder: gets `photos.png`, `epoch_NNN.png`, `progress.gif`, `index.html`.
        epoch: epochs trained so far, pre-training included.
        init_epochs: how many of them are pre-training.
        photos: (N, S, S, 3) float32 in [-1, 1].
        results: the same photos in anime style.
    """
    folder.mkdir(exist_ok=True)
    write_image(folder / "photos.png", _row(photos))
    write_image(folder / f"epoch_{epoch:03d}.png", np.concatenate([_row(photos), _row(results)]))
    grids = [
        path for path in sorted(folder.glob("epoch_*.png")) if int(path.stem.split("_")[1]) <= epoch
    ]
    _write_gif(folder / "progress.gif", grids)
    _write_page(folder / "index.html", grids, init_epochs)


def _row(pictures):
    gap = 4
    padded = np.pad(to_uint8(pictures), ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), axis=1)


def _write_gif(path, grids):
    chosen = [
        grids[i]
        for i in np.unique(np.linspace(0, len(grids) - 1, min(len(grids), GIF_FRAMES)).astype(int))
    ]
    frames = []
    for grid in chosen:
        with PillowImage.open(grid) as picture:
            picture.thumbnail((GIF_WIDTH, GIF_WIDTH))
            frames.append(np.asarray(picture.convert("RGB")))
    durations = [250] * (len(frames) - 1) + [2000]
    write_gif(path, frames, durations, 0)


def _write_page(path, grids, init_epochs):
    rows = []
    for grid in reversed(grids):
        epoch = int(grid.stem.split("_")[1])
        name = (
            "before training"
            if epoch == 0
            else f"pre-training {epoch}"
            if epoch <= init_epochs
            else f"epoch {epoch - init_epochs}"
        )
        rows.append(
            f"<figure><figcaption>{html.escape(name)}</figcaption>"
            f'<img loading="lazy" src="{grid.name}" alt="{html.escape(name)}"></figure>'
        )
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Training samples</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1600px;
         padding: 1rem; background: #16181d; color: #e6e6e6; }}
  main {{ display: grid; gap: 1rem;
          grid-template-columns: repeat(auto-fill, minmax(min(100%, 46rem), 1fr)); }}
  figure {{ margin: 0; }} figcaption {{ font-weight: 600; padding: .2rem 0; }}
  img {{ width: 100%; display: block; border-radius: 4px; background: #fff; }}
  p {{ max-width: 60rem; }}
</style>
<h1>Training samples</h1>
<p>Newest first; in each picture the photos above and their anime versions below. The losses don't
say when a style is ready: in a GAN they only say who is winning. Choose the epoch by eye. Good
signs: flat areas, dark clean outlines, the style's palette. Too early: a blurred or gray photo.
Too late or too strong: colors of the training frames where they don't belong, lost detail, blots.
</p>
<p><img src="progress.gif" alt="progress of training" style="max-width: 60rem"></p>
<main>
{os.linesep.join(rows)}
</main>
</html>
"""
    temporary = path.with_suffix(".html.new")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)


def plot_losses(metrics_csv: Path, picture: Path, pretrain_steps: int) -> None:
    """Draws the loss terms of a metrics.csv over the steps.

    Args:
        metrics_csv: rows of a run.
        picture: the .png to write.
        pretrain_steps: where pre-training ends; marked.
    """
    from matplotlib.figure import Figure  # Slow to import, and needed once an epoch.

    with metrics_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    panels = {
        "Generator": ("content", "gray_style", "color", "adversarial"),
        "Discriminator": ("d_anime", "d_generated", "d_gray", "d_edge_gray"),
        "Weighted totals": ("pretrain", "generator", "discriminator"),
    }
    figure = Figure(figsize=(15, 4), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, 3), panels.items()):
        for name in names:
            points = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
            if points:
                axes.plot(*zip(*points), label=name, linewidth=1)
        if pretrain_steps:
            axes.axvline(pretrain_steps, color="gray", linestyle=":", linewidth=1)
        axes.set(title=title, xlabel="step", yscale="log")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    temporary = picture.with_suffix(".new.png")
    figure.savefig(temporary, dpi=100)
    os.replace(temporary, picture)
