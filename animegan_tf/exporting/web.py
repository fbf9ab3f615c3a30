"""A browser page that runs generators: a folder of static files, without a server of its own.

The page's sources are in `web/`; what they run on comes from npm, see `npm_packages`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan_tf import styles
from animegan_tf.errors import Finding, UserError
from animegan_tf.exporting.npm_packages import check_npm, copy_runtime
from animegan_tf.exporting.onnx import build_onnx, onnx_artifact
from animegan_tf.exporting.parity import FLOAT16, Artifact
from animegan_tf.images import write_bytes
from animegan_tf.networks.generator import WIDTH, width_of

MANIFEST = "files.json"
"""Lists styles and sizes for the page; a folder with it is a page."""
FILES = (
    "index.html",
    "page.css",
    "icon.svg",
    "page.js",
    "viewer.js",
    "pictures.js",
    "pixels.js",
    "network.js",
    "worker.js",
    "camera.js",
    "video.js",
    "offline.js",
)


@dataclasses.dataclass(frozen=True)
class PageStyle:
    """A style on the page, with its generators from the best to the lightest.

    Attributes:
        name: as the page shows it.
        networks: ONNX files within the page's folder, and their generators' widths.
        card: what is known about a style that comes with the project.
    """

    name: str
    networks: Mapping[Path, int]
    card: styles.Card | None = None


def source_folder() -> Path:
    """Where the page's sources are: in a clone, or where pip has put them.

    Raises:
        UserError: they are in neither place.
    """
    clone = Path(__file__).resolve().parents[2] / "web"
    installed = Path(sysconfig.get_path("data")) / "share" / "animegan-tf" / "web"
    for folder in (clone, installed):
        if (folder / "package-lock.json").is_file():
            return folder
    raise UserError(Finding(str(installed), "the page's sources are not there", "Install again"))


def check_web() -> None:
    """Raises a UserError if a page can't be built here."""
    check_npm(source_folder())


def check_page_folder(folder: Path) -> None:
    """Raises a UserError for a folder that exists and is not a page made here."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise UserError(
            Finding(str(folder), "exists, and is not a page made here", "Name another folder")
        )


def export_network(generator: tf.keras.Model, name: str, page: Path) -> Artifact:
    """Writes a generator for the page: ONNX with float16 weights that computes in float32.

    Args:
        generator: as `build_generator` makes it, float32.
        name: of its style.
        page: the page's folder.
    """
    import onnx

    path = page / "models" / f"{name}-{width_of(generator)}.onnx"
    model = build_onnx(generator)
    store_weights_in_half(model)
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(exist_ok=True)
    onnx.save(model, str(path))
    return onnx_artifact("browser page", path, path, FLOAT16)


def export_page(
    generator: tf.keras.Model, name: str, card: styles.Card | None, folder: Path, output: Path
) -> Artifact:
    """Makes a page with one generator.

    Args:
        generator: as `build_generator` makes it, float32.
        name: of its style.
        card: of a style that comes with the project.
        folder: where the page is built.
        output: the folder where it belongs.
    """
    page = folder / "web"
    page.mkdir()
    network = export_network(generator, name, page)
    build_page([PageStyle(name, {network.path: width_of(generator)}, card)], page)
    return dataclasses.replace(network, path=page, destination=output / "web", replaces=True)


def store_weights_in_half(model: Any) -> None:
    """Halves an `onnx.ModelProto`: large float32 constants become float16 with a Cast behind them.

    Runtimes undo the casts when they load the file. Weights that come from a float16 file, as
    those of shipped styles do, stay what they are.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], name, to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def build_page(page_styles: Iterable[PageStyle], folder: Path) -> None:
    """Makes the page's folder.

    Args:
        page_styles: what can be chosen on the page; the first one is chosen at first.
        folder: is filled; its networks may already lie there, under `models/`.

    Raises:
        UserError: the runtime can't be fetched.
    """
    source = source_folder()
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
    copy_runtime(source, folder / "runtime")
    entries = [_entry(style, folder) for style in page_styles]
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for kind in ("runtime/*.wasm", "models/*.onnx")
        for path in sorted(folder.glob(kind))
    }
    content = json.dumps({"styles": entries, "sizes": sizes}, indent=1)
    write_bytes(folder / MANIFEST, content.encode())
    offline = folder / "offline.js"
    text = offline.read_text(encoding="utf-8").replace('"unbuilt"', f'"{_fingerprint(folder)}"')
    write_bytes(offline, text.encode())


def _entry(style, folder):
    """What the page is told about a style."""
    entry = {
        "name": style.name,
        "networks": [
            {
                "file": path.relative_to(folder).as_posix(),
                "label": "full" if width >= WIDTH else "light",
                "bytes": path.stat().st_size,
            }
            for path, width in style.networks.items()
        ],
    }
    card = style.card
    if card is None:
        return entry
    entry |= {
        "summary": card.summary,
        "license": card.license,
        "attribution": card.attribution,
    }
    if card.pairs:
        pair = card.pairs[0]
        target = folder / "examples"
        target.mkdir(exist_ok=True)
        shown = {}
        for part, name in (("before", pair.before), ("after", pair.after)):
            path = target / f"{style.name}-{part}{Path(name).suffix}"
            shutil.copyfile(styles.path_of(card.name).parent / name, path)
            shown[part] = path.relative_to(folder).as_posix()
        entry["example"] = {**shown, "title": pair.title, "credit": pair.credit}
    return entry


def _fingerprint(folder):
    """Of all files of a page: the first 12 digits of their SHA-256."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
