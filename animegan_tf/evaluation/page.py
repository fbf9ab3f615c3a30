"""A page with photos before and after, and tables of figures. Nothing here loads TensorFlow."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from animegan_tf.images.files import write_bytes


class Shown(NamedTuple):
    """A photo before and after on a page.

    Attributes:
        before, after: addresses of the two pictures, see `embedded`.
        title: below them.
        text: below the title, smaller.
    """

    before: str
    after: str
    title: str
    text: str = ""


class Section(NamedTuple):
    """A part of a page.

    Attributes:
        title: its heading.
        paragraphs: of plain text.
        table: rows of cells; the first is the head.
        pairs: photos before and after.
    """

    title: str
    paragraphs: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    pairs: Sequence[Shown] = ()


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1400px; padding: 1rem;
       background: #16181d; color: #e6e6e6; }
p { max-width: 60rem; } a { color: #8cf; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { border-bottom: 1px solid #444; padding: .25rem .8rem; text-align: right; }
td:first-child, th:first-child { text-align: left; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
figure { margin: 0; } figcaption small { color: #aaa; display: block; }
.pair { position: relative; --at: 50%; }
.pair img { display: block; width: 100%; border-radius: 4px; }
.pair img + img { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)); }
.pair input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
              cursor: ew-resize; }
.pair::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px;
               background: #fff; pointer-events: none; }
"""


def embedded(jpeg: bytes) -> str:
    """A JPEG file as an address that holds it, for pages of one file."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def write_page(path: str | os.PathLike, title: str, sections: Iterable[Section]) -> None:
    """Writes an HTML page, whole or not at all. A slider moves from each photo to its result."""
    body = "\n".join(map(_section, sections))
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
<h1>{html.escape(title)}</h1>
{body}
</html>
"""
    write_bytes(path, page.encode("utf-8"))


def _section(section):
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    parts += [f"<p>{html.escape(text)}</p>" for text in section.paragraphs]
    if section.table:
        parts.append(f"<table>{''.join(map(_row, section.table, _cells(section.table)))}</table>")
    if section.pairs:
        parts.append(f"<main>{''.join(map(_figure, section.pairs))}</main>")
    return "\n".join(parts)


def _cells(table):
    return ["th"] + ["td"] * (len(table) - 1)


def _row(row, cell):
    return "<tr>" + "".join(f"<{cell}>{html.escape(str(text))}</{cell}>" for text in row) + "</tr>"


def _figure(pair):
    title = html.escape(pair.title)
    return (
        f'<figure><div class="pair"><img loading="lazy" src="{html.escape(pair.before)}" '
        f'alt="{title}, photo"><img loading="lazy" src="{html.escape(pair.after)}" '
        f'alt="{title}, result"><input type="range" aria-label="photo or result" '
        "oninput=\"this.parentNode.style.setProperty('--at', this.value + '%')\"></div>"
        f"<figcaption>{title}<small>{html.escape(pair.text)}</small></figcaption></figure>"
    )
