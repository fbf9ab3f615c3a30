"""Puts a trained style in the box: its generators, figures, and pictures, beside its card.

    python tools/ship_style.py cel --generator 64.keras --light 32.keras \\
        --judgment evaluation/judgment.json --photos photos.csv

The card, `animegan_tf/styles/NAME/card.json`, is written by hand first, but for `figures` and
`pairs`, which this fills in. `photos.csv` has a row for each pair: file, title, credit.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from animegan_tf import styles
from animegan_tf.images import encode_image, read_rgb, rescale, write_bytes
from animegan_tf.networks.keras_file import load_generator, pack_generator
from animegan_tf.styling.stylizer import Stylizer

SIDE = 512
MOST_BYTES = 40_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("name")
    parser.add_argument("--generator", required=True)
    parser.add_argument("--light")
    parser.add_argument("--judgment", nargs="*", default=[])
    parser.add_argument("--anime", help="in words: what the judgments compare with")
    parser.add_argument("--photos")
    arguments = parser.parse_args()
    folder = styles.FOLDER / arguments.name
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    pack_generator(load_generator(arguments.generator), folder / "generator.keras")
    if arguments.light:
        pack_generator(load_generator(arguments.light), folder / "light.keras")
    card["figures"] = {"the style's pictures": arguments.anime} if arguments.anime else {}
    for width, path in zip(("width 64", "width 32"), arguments.judgment):
        card["figures"].update(figures(width, json.loads(Path(path).read_text(encoding="utf-8"))))
    if arguments.photos:
        card["pairs"] = list(pairs(folder, arguments.photos, card.get("options", {})))
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_bytes(folder / "card.json", text.encode("utf-8"))


def figures(width, judgment):
    """What a card says of a judgment, by name."""
    kid, of_photos = judgment["kid"], judgment["kid_of_photos"]
    counts = " and ".join(map(str, kid["counts"]))
    of = f"{counts} pictures, {judgment['size']} px, {judgment['features']}"
    yield (
        f"KID to the style, {width}",
        f"{kid['mean']:.2g} ± {kid['deviation']:.2g}; of the photos as they are "
        f"{of_photos['mean']:.2g} ± {of_photos['deviation']:.2g} ({of})",
    )
    yield f"content distance, {width}", f"{judgment['content']:.1f}"
    yield f"chroma distance, {width}", f"{judgment['chroma']:.1f}"
    flat = judgment["flat_share"]
    yield (
        f"share of a picture that is flat, {width}",
        f"{flat['results']:.2f}; photos {flat['photos']:.2f}, the style's pictures "
        f"{flat['anime']:.2f}",
    )


def pairs(folder, table, options):
    """Writes the pictures before and after; yields what the card says of them."""
    stylizer = Stylizer.load(folder / "generator.keras")
    (folder / "pairs").mkdir(exist_ok=True)
    for old in (folder / "pairs").glob("*.jpg"):
        old.unlink()
    with open(table, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            photo = read_rgb(row["file"])
            scale = min(1, SIDE / max(photo.shape[:2]))
            photo = rescale(photo, *(round(side * scale) for side in photo.shape[:2]))
            names = [f"pairs/{number}-{part}.jpg" for part in ("before", "after")]
            for name, picture in zip(names, (photo, stylizer(photo, **options))):
                write_bytes(folder / name, small_jpeg(picture))
            yield {
                "before": names[0],
                "after": names[1],
                "title": row["title"],
                "credit": row["credit"],
            }


def small_jpeg(picture):
    """A JPEG of at most `MOST_BYTES`, or of quality 60."""
    for quality in range(92, 59, -4):
        jpeg = encode_image(picture, "JPEG", quality=quality)
        if len(jpeg) <= MOST_BYTES:
            break
    return jpeg


if __name__ == "__main__":
    main()
