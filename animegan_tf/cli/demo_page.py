"""The page that the demo ends with: before and after, and how the training went."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from animegan_tf.images import write_bytes
from animegan_tf.version import command_name


def write_page(
    page: Path, photos: Sequence[Path], styled: Mapping[str, Sequence[Path]], run_dir: Path
) -> None:
    """Writes the page beside the pictures that it shows.

    Args:
        page: where to, in the demo's folder.
        photos: the photos, within that folder.
        styled: for each style its pictures, in the order of the photos.
        run_dir: the run that was trained; what it does not have is not shown.
    """
    folder = page.parent
    sections = [
        f"<h2>{html.escape(style)}</h2><div class=pairs>"
        + "".join(_pair(folder, *pair) for pair in zip(photos, pictures))
        + "</div>"
        for style, pictures in styled.items()
    ]
    sections.append(_training(folder, run_dir))
    text = _PAGE.replace("COMMAND", command_name("infer"))
    write_bytes(page, text.replace("SECTIONS", "\n".join(sections)).encode())


def _pair(folder, before, after):
    before, after = (path.relative_to(folder).as_posix() for path in (before, after))
    return (
        f'<label class=pair><img src="{before}" alt="photo"><img src="{after}" alt="result">'
        '<input type=range value=50 aria-label="before and after"></label>'
    )


def _training(folder, run_dir):
    samples = run_dir / "samples"
    if not (samples / "index.html").exists():
        return ""
    pictures = "".join(
        f'<img class=wide src="{path.relative_to(folder).as_posix()}" alt="{caption}">'
        for path, caption in (
            (samples / "progress.gif", "samples, epoch after epoch"),
            (run_dir / "losses.png", "losses"),
        )
        if path.exists()
    )
    link = (samples / "index.html").relative_to(folder).as_posix()
    return (
        "<h2>A style in training</h2><p>From drawn photos and drawn cels, for a minute or so. "
        f'<a href="{link}">All samples</a>. Run the demo again to train further.</p>{pictures}'
    )


_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Photos to anime</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto;
         padding: 0 1rem; background: #fafafa; color: #222; }
  .pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1rem; }
  .pair { position: relative; display: block; --at: 50%; }
  .pair img { display: block; width: 100%; border-radius: 6px; }
  .pair img + img { position: absolute; inset: 0 0 auto 0; clip-path: inset(0 0 0 var(--at)); }
  .pair input { width: 100%; margin: .4rem 0 0; }
  .wide { max-width: 100%; margin-top: 1rem; border-radius: 6px; }
</style>
<h1>Photos to anime</h1>
<p>Left of the slider the photo, right of it the result. Now your own:
<code>COMMAND photo.jpg</code></p>
SECTIONS
<script>
  for (const pair of document.querySelectorAll(".pair"))
    pair.querySelector("input").addEventListener("input", event =>
      pair.style.setProperty("--at", event.target.value + "%"));
</script>
</html>
"""
