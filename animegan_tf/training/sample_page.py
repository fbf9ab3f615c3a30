"""The page of a run's samples: before and after, and every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from animegan_tf.images import write_bytes

GAP = 4
"""White pixels to the right of and below each picture of a grid."""
REFRESH_SECONDS = 30


def epoch_name(epoch: int, init_epochs: int) -> str:
    """What an epoch is called on the page and in the log; its number is that of its files."""
    if epoch == 0:
        return "before training"
    return f"epoch {epoch} (pre-training)" if epoch <= init_epochs else f"epoch {epoch}"


def write_page(
    path: Path, epochs: Sequence[int], init_epochs: int, count: int, *, refresh: bool
) -> None:
    """Writes the page: the newest result with sliders first, then all epochs, newest first.

    Args:
        path: the .html, beside the grids `epoch_NNN.png`.
        epochs: that have a grid, ascending, at least one.
        init_epochs: how many epochs are pre-training.
        count: photos in a grid.
        refresh: whether the page is to load itself anew now and then.
    """
    figures = "\n".join(
        f"<figure><figcaption>{epoch_name(epoch, init_epochs)}</figcaption>"
        f'<img loading="lazy" src="epoch_{epoch:03d}.png" alt="{epoch_name(epoch, init_epochs)}">'
        "</figure>"
        for epoch in reversed(epochs)
    )
    newest = epochs[-1]
    page = _PAGE.format(
        newest=epoch_name(newest, init_epochs),
        grid=f"epoch_{newest:03d}.png",
        pictures="\n".join(
            f'<div class="pair" style="--i:{i}"><div></div><div class="after"></div></div>'
            for i in range(count)
        ),
        count=count,
        gap=GAP,
        figures=figures,
        script=_REFRESH % (REFRESH_SECONDS * 1000) if refresh else "",
    )
    write_bytes(path, page.encode())


# A pair shows two cut-outs of one grid, the photo's and the result's, one upon the other. The
# script fills in the size of a picture once the grid is loaded.
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Training samples: {newest}</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1600px;
         padding: 1rem; background: #16181d; color: #e6e6e6; }}
  main, #newest {{ display: grid; gap: 1rem; }}
  main {{ grid-template-columns: repeat(auto-fill, minmax(min(100%, 46rem), 1fr)); }}
  #newest {{ grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr));
            --at: 50%; touch-action: pan-y; cursor: ew-resize; }}
  .pair {{ position: relative; aspect-ratio: 1; border-radius: 4px; overflow: hidden; }}
  .pair div {{ position: absolute; inset: 0; background-image: url("{grid}");
              background-size: calc({count} * var(--zoom) * 100%) auto;
              background-position: calc(var(--i) * var(--shift)) 0; }}
  .pair .after {{ background-position: calc(var(--i) * var(--shift)) var(--down);
                 clip-path: inset(0 0 0 var(--at)); }}
  .pair::after {{ content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 2px;
                 background: #fff; }}
  figure {{ margin: 0; }} figcaption {{ font-weight: 600; padding: .2rem 0; }}
  img {{ width: 100%; display: block; border-radius: 4px; background: #fff; }}
  p {{ max-width: 60rem; }} input {{ width: 100%; }}
</style>
<h1>Training samples: {newest}</h1>
<label>photo
<input id="slider" type="range" value="50" aria-label="before and after"> result</label>
<div id="newest">
{pictures}
</div>
<h2>All epochs</h2>
<p>Newest first; in each picture the photos above and their anime versions below. The losses don't
say when a style is ready: in a GAN they only say who is winning. Choose the epoch by eye. Good
signs: flat areas, dark clean outlines, the style's palette. Too early: a blurred or gray photo.
Too late or too strong: colors of the training frames where they don't belong, lost detail, blots.
An epoch's number is also that of its grid, of its line in the log, and of generators/.
</p>
<p><img src="progress.gif" alt="progress of training" style="max-width: 60rem"></p>
<main>
{figures}
</main>
<script>
  const newest = document.getElementById("newest"), slider = document.getElementById("slider");
  const show = at => {{
    newest.style.setProperty("--at", at + "%");
    slider.value = at;
    sessionStorage.setItem("at", at);
  }};
  let touched = 0;
  slider.oninput = () => {{ touched = Date.now(); show(slider.value); }};
  newest.onpointermove = event => {{
    const pair = event.target.closest(".pair");
    if (!pair) return;
    const box = pair.getBoundingClientRect();
    touched = Date.now();
    show(Math.round(100 * (event.clientX - box.left) / box.width));
  }};
  show(sessionStorage.getItem("at") || 50);
  const grid = new Image();
  const fit = () => {{
    const step = grid.naturalWidth / {count}, side = step - {gap};
    const scale = newest.firstElementChild.clientWidth / side;
    newest.style.setProperty("--zoom", step / side);
    newest.style.setProperty("--shift", -step * scale + "px");
    newest.style.setProperty("--down", -grid.naturalHeight / 2 * scale + "px");
  }};
  grid.onload = fit; onresize = fit; grid.src = "{grid}";
  {script}
</script>
</html>
"""

_REFRESH = """setInterval(() => { if (Date.now() - touched > 5000) location.reload(); }, %d);"""
