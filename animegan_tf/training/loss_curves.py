"""The picture of a run's losses."""

from __future__ import annotations

import io
from pathlib import Path

from animegan_tf.images import write_bytes
from animegan_tf.training.metrics import read_metrics

_PANELS = {
    "Generator": ("content", "gray_style", "color", "adversarial"),
    "Discriminator": ("d_anime", "d_generated", "d_gray", "d_edge_gray"),
    "Weighted totals": ("pretrain", "generator", "discriminator"),
}


def plot_losses(metrics_csv: Path, picture: Path, pretrain_steps: int) -> None:
    """Draws the loss terms of a metrics.csv over the steps.

    Args:
        metrics_csv: rows of a run.
        picture: the .png to write.
        pretrain_steps: where pre-training ends; marked.

    Raises:
        OSError: it can't be written.
    """
    from matplotlib.figure import Figure  # Slow to import, and needed once an epoch.

    rows = read_metrics(metrics_csv)
    figure = Figure(figsize=(15, 4), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, 3), _PANELS.items()):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points), label=name, linewidth=1)
        if pretrain_steps:
            axes.axvline(pretrain_steps, color="gray", linestyle=":", linewidth=1)
        axes.set(title=title, xlabel="step", yscale="log")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    write_bytes(picture, drawn.getvalue())
