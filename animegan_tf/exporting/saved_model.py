"""SavedModel for TensorFlow Serving: pictures in, pictures out, one graph of standard operations.

Signatures:
    serving_default: `image_bytes`, encoded pictures (string, [N]), any sizes in one request, to
        `image_bytes`, PNG of exactly those sizes. A picture that can't be read, or is too large by
        its header, is an error that names its row.
    serving_tolerant: the same, and `error`, in words what is wrong with a row, "" for a good one;
        the PNG of a bad row is empty, and the other rows are answered.
    uint8: `image`, (N, H, W, 3) RGB in 0..255, to `image`, the same.
    float: `image`, float32 (N, H, W, 3) RGB in [-1, 1], to `image`, the same.

Pictures go through the network one by one. That bounds memory, lets rows differ in size, and
allows the form of the norm that CPU kernels compute at once. The server decodes base64 of REST
requests, and encodes outputs whose name ends in `_bytes`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.parity import EXACT, Artifact, Route
from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.picture_bytes import read_picture
from animegan_tf.exporting.serving import WARMUP_FILE, write_warmup
from animegan_tf.images import encode_image, to_float
from animegan_tf.networks.frozen import constant_network, on_pixels
from animegan_tf.networks.padding import mirror_up_in_graph

MAX_REQUEST_PIXELS = 25_000_000
"""Pixels of an encoded picture that a server decodes, if nothing else is asked for at export."""


def export_saved_model(
    generator: tf.keras.Model,
    name: str,
    folder: Path,
    output: Path,
    photo: np.ndarray,
    max_pixels: int = MAX_REQUEST_PIXELS,
) -> Artifact:
    """Writes the SavedModel with its warm-up requests.

    Args:
        generator: as `build_generator` makes it, float32.
        name: under which the server offers it.
        folder: where it is written.
        output: the folder of versions; its next free integer is the destination.
        photo: uint8 (H, W, 3), for the warm-up.
        max_pixels: encoded pictures of more are refused before they are decoded.
    """
    path = folder / "savedmodel"
    module = ServingModule(generator, max_pixels)
    tf.saved_model.save(
        module,
        str(path),
        signatures={
            "serving_default": module.from_image_bytes,
            "serving_tolerant": module.from_image_bytes_tolerant,
            "uint8": module.from_uint8,
            "float": module.from_float,
        },
    )
    write_warmup(path / WARMUP_FILE, name, fit(photo, 128, 128))

    signatures = tf.saved_model.load(str(path)).signatures

    def from_image_bytes(signature, photo):
        (png,) = signature(image_bytes=tf.constant([encode_image(photo, "PNG")]))["image_bytes"]
        return tf.io.decode_png(png).numpy()

    def from_image(signature, photo):
        return signature(image=tf.constant(photo[None]))["image"][0].numpy()

    return Artifact(
        name="SavedModel",
        path=path,
        destination=output / str(next_version(output)),
        limit=EXACT,
        runtime=f"TensorFlow {tf.__version__}",
        routes=[
            Route(
                "serving_default",
                "image_bytes: string [N], any sizes",
                "image_bytes: string [N], PNG",
                functools.partial(from_image_bytes, signatures["serving_default"]),
            ),
            Route(
                "serving_tolerant",
                "image_bytes: string [N], any sizes",
                "image_bytes: string [N], PNG or empty; error: string [N], empty or what is wrong",
                functools.partial(from_image_bytes, signatures["serving_tolerant"]),
            ),
            Route(
                "uint8",
                "image: uint8 [N, H, W, 3]",
                "image: uint8 [N, H, W, 3]",
                functools.partial(from_image, signatures["uint8"]),
            ),
            Route(
                "float",
                "image: float32 [N, H, W, 3] in [-1, 1]",
                "image: the same",
                lambda photo: from_image(signatures["float"], to_float(photo)),
            ),
        ],
    )


def next_version(folder: Path) -> int:
    """The integer after the highest version in a folder; 1 if there is none."""
    return 1 + max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=0)


class ServingModule(tf.Module):
    """The signatures as methods; weights are constants of the graph."""

    def __init__(self, generator: tf.keras.Model, max_pixels: int):
        super().__init__()
        network = constant_network(generator, batch_of_one=True)
        self._network = tf.function(network, input_signature=[tf.TensorSpec((1, None, None, 3))])
        self._max_pixels = max_pixels
        self._one_from_uint8 = on_pixels(self._one_from_float)

    def _one_from_float(self, photo):
        height, width = tf.shape(photo)[0], tf.shape(photo)[1]
        return self._network(mirror_up_in_graph(photo)[None])[0, :height, :width]

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")])
    def from_float(self, image):
        anime = tf.map_fn(
            self._one_from_float,
            image,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.float32),
        )
        return {"image": anime}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "image")])
    def from_uint8(self, image):
        anime = tf.map_fn(
            self._one_from_uint8,
            image,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
        )
        return {"image": anime}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def from_image_bytes(self, image_bytes):
        def one(row_and_contents):
            row, contents = row_and_contents
            photo, complaint = read_picture(contents, self._max_pixels)
            named = tf.strings.join(
                ["row ", tf.strings.as_string(row), " of image_bytes ", complaint]
            )
            with tf.control_dependencies([tf.debugging.Assert(complaint == "", [named])]):
                return tf.io.encode_png(self._one_from_uint8(tf.identity(photo)))

        rows = tf.range(tf.size(image_bytes))
        return {
            "image_bytes": tf.map_fn(
                one,
                (rows, image_bytes),
                parallel_iterations=1,
                fn_output_signature=tf.TensorSpec((), tf.string),
            )
        }

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def from_image_bytes_tolerant(self, image_bytes):
        def one(contents):
            photo, complaint = read_picture(contents, self._max_pixels)
            png = tf.cond(
                complaint == "",
                lambda: tf.io.encode_png(self._one_from_uint8(photo)),
                lambda: tf.constant(""),
            )
            return png, complaint

        text = tf.TensorSpec((), tf.string)
        png, error = tf.map_fn(
            one, image_bytes, parallel_iterations=1, fn_output_signature=(text, text)
        )
        return {"image_bytes": png, "error": error}
