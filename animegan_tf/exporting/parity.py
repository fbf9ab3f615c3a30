"""One check for every target: is the exported file still the Keras model?"""

from __future__ import annotations

import functools
import hashlib
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.photos import PARITY_SIZES, fit
from animegan_tf.images import to_float, to_uint8
from animegan_tf.networks.padding import mirror_up
from animegan_tf.quiet import held_back_stderr
from animegan_tf.timing import alternate

_PEAK = 2.0  # Of values in [-1, 1].


class Difference(NamedTuple):
    """How far outputs are apart, in [-1, 1]: largest and mean error, and PSNR in dB."""

    maximum: float
    mean: float
    psnr: float


def difference(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Difference:
    """Over all values of all pairs of arrays in [-1, 1]; each pair of one shape."""
    errors = np.concatenate([np.abs(a.astype(np.float64) - b).ravel() for a, b in pairs])
    with np.errstate(divide="ignore"):
        psnr = 10 * np.log10(_PEAK**2 / np.mean(errors**2))
    return Difference(float(errors.max()), float(errors.mean()), float(psnr))


class Limit(NamedTuple):
    """What an export may differ by: a mean error at most, or a PSNR at least."""

    mean: float = np.inf
    psnr: float = -np.inf

    def holds(self, found: Difference) -> bool:
        return found.mean <= self.mean and found.psnr >= self.psnr

    def __str__(self):
        return f"mean <= {self.mean:g}" if self.mean < np.inf else f"PSNR >= {self.psnr:g} dB"


EXACT = Limit(mean=1e-4)
FLOAT16 = Limit(psnr=45)
INT8 = Limit(psnr=30)


@dataclass(frozen=True)
class Route:
    """One way into an exported file.

    Attributes:
        name: of the signature.
        inputs, outputs: name, type and shape, for the report.
        run: uint8 photo (H, W, 3) to the result of that size, uint8, or float32 in [-1, 1].
    """

    name: str
    inputs: str
    outputs: str
    run: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Artifact:
    """A written file or folder, not yet in its place.

    Attributes:
        name: for the report.
        path: where it has been written.
        destination: where it belongs.
        limit: what it may differ by.
        routes: all ways into it, opened by its own runtime.
        size: height and width if it takes only one, else None.
        runtime: what `routes` ran on.
        notes: for the report.
        replaces: a folder that may take the place of an earlier one.
    """

    name: str
    path: Path
    destination: Path
    limit: Limit
    routes: list[Route]
    size: tuple[int, int] | None = None
    runtime: str = ""
    notes: list[str] = field(default_factory=list)
    replaces: bool = False


class Measured(NamedTuple):
    """A route with its difference, and its and Keras's latency on a 256x256 photo (or its size)."""

    route: Route
    difference: Difference
    milliseconds: float
    keras_milliseconds: float


@dataclass(frozen=True)
class Checked:
    """An artifact with what was found about it; `bytes` is its size on disk."""

    artifact: Artifact
    measured: list[Measured]
    bytes: int

    @property
    def holds(self) -> bool:
        return all(self.artifact.limit.holds(row.difference) for row in self.measured)


class Reference:
    """What the Keras model makes of photos, each computed once.

    Args:
        generator: as `build_generator` makes it, float32.
    """

    def __init__(self, generator: tf.keras.Model):
        # A graph frees each tensor after its last use; called eagerly, Keras keeps all of them.
        self._run = tf.function(
            lambda photo: generator(photo, training=False),
            input_signature=[tf.TensorSpec((1, None, None, 3))],
        )
        self._known: dict[tuple, np.ndarray] = {}

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """uint8 photo (H, W, 3), any size, to float32 (H, W, 3) in [-1, 1].

        The photo is mirrored at the right and bottom to multiples of 4, at least 8.
        """
        key = photo.shape, hashlib.sha256(photo.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self.compute(photo)
        return self._known[key]

    def compute(self, photo: np.ndarray) -> np.ndarray:
        """The same, computed in any case."""
        height, width, _ = photo.shape
        return self._run(to_float(mirror_up(photo))[None])[0, :height, :width].numpy()


def check(artifact: Artifact, reference: Reference, photos: list[np.ndarray]) -> Checked:
    """Runs every route on photos and compares with the Keras model.

    The pictures are one of each of `PARITY_SIZES`, or eight of the artifact's own size. Where a
    route gives uint8, the reference is made uint8 too.

    Args:
        photos: uint8 (H, W, 3) of any sizes; they are cropped and scaled.
    """
    sizes = [artifact.size] * len(PARITY_SIZES) if artifact.size else PARITY_SIZES
    pictures = [fit(photos[i % len(photos)], *size) for i, size in enumerate(sizes)]
    with held_back_stderr():  # Runtimes say there what they have loaded.
        measured = [
            Measured(
                route,
                difference(_pair(route.run(picture), reference(picture)) for picture in pictures),
                *latencies([route.run, reference.compute], pictures[0]),
            )
            for route in artifact.routes
        ]
    return Checked(artifact, measured, size_on_disk(artifact.path))


def _pair(result, expected):
    if result.shape != expected.shape:
        raise ValueError(f"exported model gave {result.shape}, Keras {expected.shape}")
    if result.dtype == np.uint8:
        return to_float(result), to_float(to_uint8(expected))
    return result, expected


def latencies(
    runs: Sequence[Callable[[np.ndarray], object]], picture: np.ndarray, repeats: int = 3
) -> list[float]:
    """Median milliseconds of a call of each; they take turns."""
    calls = {str(i): functools.partial(run, picture) for i, run in enumerate(runs)}
    return [1000 * statistics.median(own) for own in alternate(calls, repeats).values()]


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def put_in_place(artifact: Artifact) -> None:
    """Moves an artifact to its destination. A file there is replaced, a folder if it `replaces`."""
    artifact.destination.parent.mkdir(parents=True, exist_ok=True)
    if artifact.replaces:
        replace_folder(artifact.path, artifact.destination)
    else:
        os.replace(artifact.path, artifact.destination)


def replace_folder(folder: Path, destination: Path) -> None:
    """Moves a folder to its destination; one that is there moves to where the new one was made."""
    if destination.exists():
        os.replace(destination, folder.with_name(f"{folder.name}-earlier"))
    os.replace(folder, destination)
