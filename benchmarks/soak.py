#!/usr/bin/env python3
"""A server under load: good and bad requests from many clients at once.

    python benchmarks/soak.py exports/shinkai/savedmodel/1 --requests 1000 --max_side 2000

The SavedModel is loaded as TensorFlow Serving loads it: into a session, fed by the names of its
signatures. Every good answer is compared with the one that the same picture got alone. The last
line says what went wrong, and so does the exit status.
"""

from __future__ import annotations

import concurrent.futures
import io
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import tensorflow as tf

from animegan_tf.cli.command import new_flags, run
from animegan_tf.images import encode_image

FLAGS = new_flags()
flags.DEFINE_integer("requests", 1000, "how many", lower_bound=2, flag_values=FLAGS)
flags.DEFINE_integer("clients", 16, "how many ask at the same time", flag_values=FLAGS)
flags.DEFINE_integer(
    "max_side", 2000, "largest side of a picture", lower_bound=9, flag_values=FLAGS
)
flags.DEFINE_integer("seed", 0, "another seed asks otherwise", flag_values=FLAGS)

PICTURES = 20
BAD_SHARE = 0.1
MAX_GROWTH = 1.05
"""Of the memory from the first half of the requests to the second."""


class SessionServer:
    """What TensorFlow Serving does: a session on the graph tagged `serve`."""

    def __init__(self, path: Path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.signatures = dict(loaded.signature_def)

    def predict(self, signature: str, inputs: Mapping[str, object]) -> dict[str, np.ndarray]:
        """Answers one request; keys are those of the signature."""
        names = self.signatures[signature]
        return self.session.run(
            {key: info.name for key, info in names.outputs.items()},
            {names.inputs[key].name: value for key, value in inputs.items()},
        )


class Soak(NamedTuple):
    """What came of it; times in milliseconds, memory in MB, averaged over each half.

    The first tenth is left out of the first half's memory: threads fill theirs by then.
    """

    requests: int
    refused: int
    wrong: list[str]
    p50: float
    p99: float
    first_half: float
    second_half: float


def soak(
    predict: Callable[[str, Mapping[str, object]], Mapping[str, Sequence]],
    *,
    requests: int,
    clients: int,
    max_side: int,
    seed: int = 0,
) -> Soak:
    """Asks a server, one request in ten with a bad picture, and judges every answer.

    Args:
        predict: answers a request, as `SessionServer.predict`; called from several threads.
        requests, clients, max_side, seed: as the flags.
    """
    good, bad = _good_pictures(max_side, seed), _bad_pictures()
    alone = [predict("serving_default", {"image_bytes": [p]})["image_bytes"][0] for p in good]

    def ask(number):
        rng = np.random.default_rng((seed, number))
        chosen = rng.integers(0, len(good), rng.integers(1, 4))
        rows, expected = [good[i] for i in chosen], [alone[i] for i in chosen]
        bad_row = int(rng.integers(0, len(rows) + 1)) if rng.random() < BAD_SHARE else None
        if bad_row is not None:
            rows.insert(bad_row, bad[int(rng.integers(0, len(bad)))])
            expected.insert(bad_row, b"")
        tolerant = bool(rng.random() < 0.5)
        start = time.perf_counter()
        problem = _problem(predict, rows, expected, bad_row, tolerant)
        seconds = time.perf_counter() - start
        return problem and f"request {number}: {problem}", bad_row, seconds, _resident()

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        problems, bad_rows, seconds, memory = zip(*pool.map(ask, range(requests)))
    middle = requests // 2
    return Soak(
        requests=requests,
        refused=sum(row is not None for row in bad_rows),
        wrong=[problem for problem in problems if problem],
        p50=1000 * float(np.percentile(seconds, 50)),
        p99=1000 * float(np.percentile(seconds, 99)),
        first_half=float(np.mean(memory[requests // 10 : middle])),
        second_half=float(np.mean(memory[middle:])),
    )


def _problem(predict, rows, expected, bad_row, tolerant):
    """What is wrong with the answer to a request, in words; None if nothing is."""
    signature = "serving_tolerant" if tolerant else "serving_default"
    try:
        answer = predict(signature, {"image_bytes": rows})
    except tf.errors.InvalidArgumentError as error:
        if tolerant or bad_row is None or f"row {bad_row} of image_bytes" not in str(error):
            return f"refused: {error}"
        return None
    if not tolerant and bad_row is not None:
        return "a bad picture was not refused"
    if list(answer["image_bytes"]) != expected:
        return "another answer than alone"
    errors = [bool(error) for error in answer.get("error", [b""] * len(rows))]
    if errors != [row == bad_row for row in range(len(rows))]:
        return f"errors in the wrong rows: {errors}"
    return None


def _good_pictures(max_side, seed):
    rng = np.random.default_rng(seed)
    pictures = []
    for number in range(PICTURES):
        width, height = np.exp(rng.uniform(np.log(8), np.log(max_side), 2)).astype(int)
        coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
        picture = np.asarray(coarse.resize((int(width), int(height)), Image.Resampling.BILINEAR))
        pictures.append(encode_image(picture, ("JPEG", "PNG", "BMP")[number % 3]))
    return pictures


def _bad_pictures():
    png = encode_image(np.zeros((40, 40, 3), np.uint8), "PNG")
    frames, animation = [], io.BytesIO()
    for number in range(100):
        frames.append(Image.fromarray(np.full((600, 600), number, np.uint8)))
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    return [
        png[: len(png) // 2],
        b"not a picture",
        b"",
        png[:16] + struct.pack(">II", 20_000, 20_000) + png[24:],
        animation.getvalue(),
    ]


def _resident():
    """MB of memory that the process has now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * 4096 / 1e6


def main(arguments):
    server = SessionServer(Path(arguments[0]))
    found = soak(
        server.predict,
        requests=FLAGS.requests,
        clients=FLAGS.clients,
        max_side=FLAGS.max_side,
        seed=FLAGS.seed,
    )
    for problem in found.wrong:
        print(problem)
    grows = found.second_half > MAX_GROWTH * found.first_half
    print(
        f"{found.requests} requests, {FLAGS.clients} at once, {found.refused} with a bad picture: "
        f"p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms, "
        f"memory {found.first_half:.0f} MB, then {found.second_half:.0f} MB, "
        f"{'which is too much more, ' if grows else ''}{len(found.wrong)} answered wrongly"
    )
    return 1 if found.wrong or grows else 0


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__, takes_arguments=True))
