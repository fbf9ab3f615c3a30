"""The demo data set, drawn by `animegan_tf.data.scenery`: `animegan draw FOLDER`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from animegan_tf.data.progress import in_threads
from animegan_tf.data.scenery import draw_anime, draw_photo
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import write_bytes, write_image
from animegan_tf.runs import check_room, locked

MANIFEST = "demo.json"
VERSION = 1  # of the drawing code: a set that another version drew is drawn anew

_BYTES_A_PIXEL = 0.2  # As JPEG and PNG, about.


def make_demo_dataset(
    folder: str | os.PathLike,
    *,
    photos: int = 96,
    anime: int = 96,
    val: int = 8,
    size: int = 256,
    seed: int = 0,
) -> Path:
    """Draws `train_photo/NNN.jpg`, `Demo/style/NNN.png` and `val/NNN.jpg` in `folder`.

    The folder appears whole or not at all, with a manifest, `demo.json`. A set with the same
    parameters that is already there is kept; what a stopped call had drawn is used. A set with
    other parameters is replaced, unless it holds files that are not as they were drawn.

    Args:
        folder: where to; its parents are made.
        photos, anime, val: how many pictures of each kind. No validation photo is among the
            training photos.
        size: their height and width in pixels, 64 to 2048.
        seed: picture N of a kind depends on the seed, the size and N alone.

    Returns:
        The folder.

    Raises:
        UserError: a parameter is out of range, the folder holds somebody's files, or it cannot be
            written.
    """
    folder = Path(folder)
    if folder.name in ("", ".."):  # Such as "."; the set is drawn beside it, under its name.
        folder = folder.resolve()
    if not folder.name:
        raise UserError(Finding(str(folder), "no place for a data set", "Name another folder"))
    parameters = {
        "made_by": "animegan_tf.demo",
        "version": VERSION,
        "photos": photos,
        "anime": anime,
        "val": val,
        "size": size,
        "seed": seed,
    }
    partial = folder.with_name(folder.name + ".partial")
    _check(parameters, folder, partial)
    if _is_finished(folder, parameters):
        return folder

    needed = (photos + anime + val) * size**2 * _BYTES_A_PIXEL
    check_room("FOLDER", folder, needed, "the pictures", ", or name another folder")
    lock, remedy = f".{folder.name}.lock", "Wait for it, or name another folder"
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent, f"drawing {folder.name}", remedy, lock):
            if partial.exists() and _manifest(partial).get("parameters") != parameters:
                shutil.rmtree(partial)
            _draw(partial, parameters)
            if folder.exists():
                _remove(folder)
            os.rename(partial, folder)
    except OSError as error:
        raise UserError(
            Finding(
                str(folder),
                f"the demo data set can't be drawn here ({error.strerror or error})",
                "Make room, or choose another folder",
            )
        ) from error
    return folder


def _draw(partial, parameters):
    """Draws all that is missing in a folder, and says by the manifest that it is whole."""
    photos, anime, val, size, seed = (
        parameters[name] for name in ("photos", "anime", "val", "size", "seed")
    )
    partial.mkdir(parents=True, exist_ok=True)
    _write_manifest(partial, parameters, {})
    kinds = (
        ("train_photo/{:03}.jpg", draw_photo, photos),
        ("val/{:03}.jpg", draw_photo, val),
        ("Demo/style/{:03}.png", draw_anime, anime),
    )
    jobs = [
        (partial / name.format(number), draw, (seed, kind, number))
        for kind, (name, draw, count) in enumerate(kinds)
        for number in range(count)
    ]
    for path in {path.parent for path, *_ in jobs}:
        path.mkdir(parents=True, exist_ok=True)

    def draw_file(job):
        path, draw, key = job
        if not path.exists():
            write_image(path, draw(np.random.default_rng(key), size, size), quality=95)

    for _ in in_threads(draw_file, jobs, "drawing the demo data set"):
        pass
    for path in partial.rglob(".*.tmp"):  # what a killed run was writing
        path.unlink()
    _write_manifest(
        partial,
        parameters,
        {path.relative_to(partial).as_posix(): _digest(path) for path, *_ in jobs},
    )


def _check(parameters, folder, partial):
    """Everything that keeps a data set from being drawn, found before work begins."""
    findings = []
    for name, least, most in (
        ("photos", 1, 10**6),
        ("anime", 1, 10**6),
        ("val", 0, 10**6),
        ("size", 64, 2048),
        ("seed", 0, 2**63),
    ):
        if not least <= parameters[name] <= most:
            findings.append(
                Finding(
                    f"--{name}={parameters[name]}",
                    "out of range",
                    f"It must be from {least} to {most}",
                )
            )
    elsewhere = "Choose another folder, or move these files away"
    if (
        partial.exists()
        and not _manifest(partial)
        and not (partial.is_dir() and not any(partial.iterdir()))
    ):
        findings.append(Finding(str(partial), "in the way of the demo data set", elsewhere))
    if os.path.lexists(folder) and not folder.is_dir():
        findings.append(Finding(str(folder), "a file, not a folder", elsewhere))
    elif folder.exists() and not _is_finished(folder, parameters):
        foreign = _foreign_files(folder)
        if foreign:
            findings.append(
                Finding(
                    str(folder),
                    f"holds {len(foreign)} files other than the demo data set's "
                    f"(such as {foreign[0]})",
                    elsewhere,
                )
            )
    if findings:
        raise UserError(findings)


def _manifest(folder):
    """The folder's manifest; empty where there is none, or none of this module's."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return manifest if manifest["parameters"]["made_by"] == "animegan_tf.demo" else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_manifest(folder, parameters, digests):
    text = json.dumps({"parameters": parameters, "files": digests}, indent=1)
    write_bytes(folder / MANIFEST, text.encode("utf-8"))


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_finished(folder, parameters):
    manifest = _manifest(folder)
    return (
        bool(manifest)
        and manifest["parameters"] == parameters
        and bool(manifest["files"])
        and all((folder / name).is_file() for name in manifest["files"])
    )


def _foreign_files(folder):
    """Files that this module did not write, or that have changed since."""
    manifest = _manifest(folder)
    drawn = manifest.get("files", {})
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }
    if manifest:
        found.pop(MANIFEST)
    # Only what may be the set's own is read: a folder named by mistake can be a whole home.
    return [
        name for name, path in found.items() if name not in drawn or drawn[name] != _digest(path)
    ]


def _remove(folder):
    """Removes a set that holds nothing foreign; the manifest last, so that it can go on."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    for path in sorted(files, key=lambda path: path.name == MANIFEST):
        path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir()
    folder.rmdir()
