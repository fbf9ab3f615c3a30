#!/usr/bin/env python3
"""Feeds damaged files to the readers until the time is up: nothing but clear errors may come.

    python benchmarks/fuzz.py --seconds 600
    python benchmarks/fuzz.py --readers pictures --seed 7 --first 1234 --cases 1    # one case again

The files are made by the project itself and damaged by rules that the seed decides: case N of a
reader and a seed is always the same. A failure is an exception that is not the reader's own, more
memory than the limit, more than --patience seconds, or the end of the process. The file of each
failure is kept in --output, and its case is printed. Exit status 1 if there was any.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags
from PIL import Image as PillowImage
from PIL import features

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from animegan_tf import images
from animegan_tf.cli.command import new_flags, run
from animegan_tf.errors import UserError
from animegan_tf.video import VideoError

FLAGS = new_flags()
flags.DEFINE_float("seconds", 60, "how long, all readers together", flag_values=FLAGS)
flags.DEFINE_list(
    "readers",
    ["pictures", "videos", "models", "checkpoints", "exports", "settings"],
    "which",
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "decides the cases", flag_values=FLAGS)
flags.DEFINE_integer("first", 0, "the case to begin with", flag_values=FLAGS)
flags.DEFINE_integer("cases", 0, "how many for each reader; 0: while time lasts", flag_values=FLAGS)
flags.DEFINE_float("patience", 30, "seconds that one case may take", flag_values=FLAGS)
flags.DEFINE_string("output", "fuzz-failures", "folder for what failed", flag_values=FLAGS)
flags.DEFINE_bool("worker", False, "read cases in this process", flag_values=FLAGS)

MEMORY_LIMIT = 300_000_000
_SLACK = 150_000_000  # What the process itself grows by.


class Reader(NamedTuple):
    """What is attacked: whole files, what reads one of them, the errors it may raise, and bytes of
    memory that it may take.
    """

    corpus: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    memory: float = MEMORY_LIMIT


def main(_):
    if FLAGS.worker:
        return work(FLAGS.readers[0])
    print(f"seed {FLAGS.seed}", flush=True)
    failures = sum(attack(name, FLAGS.seconds / len(FLAGS.readers)) for name in FLAGS.readers)
    print(f"{failures} failures" + (f", kept in {FLAGS.output}" if failures else ""))
    return 1 if failures else 0


def attack(name, seconds):
    """Lets workers read cases; a worker that dies or hangs costs one case. Counts failures."""
    end, case, failures, counts = time.monotonic() + seconds, FLAGS.first, 0, Counter()
    last = FLAGS.first + FLAGS.cases if FLAGS.cases else 2**62
    while case < last and time.monotonic() < end:
        with tempfile.TemporaryFile("w+") as errors:
            worker = subprocess.Popen(
                [
                    *(sys.executable, "-u", __file__, "--worker", f"--readers={name}"),
                    *(f"--seed={FLAGS.seed}", f"--first={case}", f"--cases={last - case}"),
                    *(f"--seconds={max(1.0, end - time.monotonic())}", f"--output={FLAGS.output}"),
                ],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            started = case
            for line in read_lines(worker):
                outcome = json.loads(line)
                counts[outcome["result"]] += 1
                case = outcome["case"] + 1
                if outcome["result"] == "failure":
                    failures += 1
                    print(f"{name} case {outcome['case']}: {outcome['reason']}", flush=True)
            if worker.wait() != 0:
                errors.seek(0)
                print(f"{name} case {case}: the process ended or hung\n{errors.read()[-2000:]}")
                keep(name, case, damaged(name, case))
                failures += 1
                case += 1
            elif case == started:
                break
    results = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    print(f"{name}: {sum(counts.values())} cases ({results}), {failures} failures", flush=True)
    return failures


def read_lines(worker):
    """The worker's lines; it is ended when one takes too long."""
    import selectors

    with selectors.DefaultSelector() as selector:
        selector.register(worker.stdout, selectors.EVENT_READ)
        buffered = b""
        while True:
            first = not buffered
            if not selector.select(FLAGS.patience + 60 * first):
                worker.kill()
                return
            content = os.read(worker.stdout.fileno(), 1 << 16)
            if not content:
                return
            *lines, buffered = (buffered + content).split(b"\n")
            yield from lines


def work(name):
    """Reads case after case in this process, and prints one line of JSON for each."""
    reader, end = READERS[name], time.monotonic() + FLAGS.seconds
    corpus = reader.corpus()
    for data in corpus:
        reader.read(data)  # Whole files are read, and what is loaded at first use is loaded.
    for case in range(FLAGS.first, FLAGS.first + FLAGS.cases):
        if time.monotonic() > end:
            break
        data = damage(corpus, case)
        before, result, reason = reset_peak(), "read", ""
        started = time.monotonic()
        try:
            reader.read(data)
        except reader.errors:
            result = "refused"
        except Exception:
            result, reason = "failure", traceback.format_exc(limit=-3)
        peak, seconds = memory("VmHWM") - before, time.monotonic() - started
        if peak > reader.memory + _SLACK:
            result, reason = "failure", f"takes {peak / 1e6:.0f} MB"
        if seconds > FLAGS.patience:
            result, reason = "failure", f"takes {seconds:.0f} s"
        if result == "failure":
            keep(name, case, data)
        print(json.dumps({"case": case, "result": result, "reason": reason}), flush=True)


def keep(name, case, data):
    folder = Path(FLAGS.output)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{FLAGS.seed}-{case}").write_bytes(data)


def damaged(name, case):
    return damage(READERS[name].corpus(), case)


def reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return memory("VmHWM")
    return memory("VmRSS")


def memory(field):
    """Bytes of memory by the kernel's count; 0 where it does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


# Damage


def damage(corpus, case):
    """File number `case`: one of the corpus, changed in one to four ways."""
    rng = np.random.default_rng([FLAGS.seed, case])
    data = bytearray(corpus[rng.integers(len(corpus))])
    for _ in range(rng.integers(1, 5)):
        if data:
            data = WAYS[rng.integers(len(WAYS))](rng, data, corpus)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.7:
        repair_checksums(data)  # Else nothing but the checksums would be tested.
    return bytes(data)


def cut(rng, data, corpus):
    return data[: rng.integers(len(data))]


def flip_bits(rng, data, corpus):
    for at in rng.integers(0, near_start(rng, len(data)), rng.integers(1, 9)):
        data[at] ^= 1 << rng.integers(8)
    return data


def set_bytes(rng, data, corpus):
    at = rng.integers(near_start(rng, len(data)))
    values = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1", b"\xff" * 8)
    value = values[rng.integers(len(values))]
    data[at : at + len(value)] = value
    return data


def remove(rng, data, corpus):
    at, size = rng.integers(len(data)), rng.integers(1, 65)
    return data[:at] + data[at + size :]


def repeat(rng, data, corpus):
    at, size = rng.integers(len(data)), rng.integers(1, 257)
    return data[:at] + data[at : at + size] * int(rng.integers(2, 9)) + data[at:]


def insert_noise(rng, data, corpus):
    at = rng.integers(len(data))
    return data[:at] + bytearray(rng.bytes(rng.integers(1, 65))) + data[at:]


def splice(rng, data, corpus):
    other = corpus[rng.integers(len(corpus))]
    return data[: rng.integers(len(data))] + other[rng.integers(len(other)) :]


WAYS = (cut, flip_bits, flip_bits, set_bytes, set_bytes, remove, repeat, insert_noise, splice)


def near_start(rng, size):
    """Headers are small, and worth most of the attempts."""
    return size if rng.random() < 0.4 else min(size, 128)


def repair_checksums(data):
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            return
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4


# Readers


def pictures():
    """Small pictures in every format and mode that is read."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (6, 9, 4), np.uint8).repeat(5, axis=0).repeat(5, axis=1)
    color = PillowImage.fromarray(rgb[..., :3])
    clear = PillowImage.fromarray(rgb)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    frames = [PillowImage.fromarray(np.roll(rgb, 3 * i, axis=1)) for i in range(4)]
    animation = {"save_all": True, "append_images": frames[1:], "duration": 40, "loop": 2}
    made = [
        (color, "PNG", {"exif": exif}),
        (clear, "PNG", {"icc_profile": b"\0" * 128}),
        (color, "JPEG", {"exif": exif, "quality": 80}),
        (color, "JPEG", {"progressive": True, "subsampling": 0}),
        (color.convert("L"), "JPEG", {}),
        (color.convert("CMYK"), "JPEG", {}),
        (clear, "WEBP", {"lossless": True, "exif": exif}),
        (color, "WEBP", {"quality": 50}),
        (color, "BMP", {}),
        (color.quantize(16), "BMP", {}),
        *((color, "TIFF", {"compression": name}) for name in ("raw", "tiff_lzw", "jpeg")),
        (clear, "TIFF", {"compression": "tiff_adobe_deflate"}),
        (color, "PPM", {}),
        (color.convert("L"), "PPM", {}),
        (PillowImage.fromarray(rgb[..., 0].astype(np.uint16) * 256), "PNG", {}),
        (PillowImage.fromarray(rgb[..., 0].astype(np.uint16) * 256), "TIFF", {}),
        *((color.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P")),
        (color.quantize(16), "GIF", {"transparency": 3}),
        *((frames[0], format, animation) for format in ("GIF", "WEBP", "PNG")),
    ]
    if features.check("avif"):
        made.append((color, "AVIF", {"speed": 10}))
    encoded = []
    for image, format, options in made:
        file = io.BytesIO()
        image.save(file, format, **options)
        encoded.append(file.getvalue())
    return encoded


def read_picture(data):
    """All that the project does with a picture's bytes."""
    limits = images.Limits(max_memory=MEMORY_LIMIT, at_least=32)
    refused = None
    for read in (images.read_image, images.read_rgb_and_gray):
        try:
            read(data, limits)
        except images.ImageError as error:
            refused = error
    for number, _ in enumerate(images.PictureFile(data, limits).frames()):
        if number > 100:
            break
    if refused:
        raise refused


def videos():
    """A second of a small film in every container, with frames of all kinds."""
    import av

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 4, 6, 3), np.uint8).repeat(12, axis=1).repeat(12, axis=2)
    made = []
    for container, codec, options in (
        ("mp4", "libx264", {"g": "4", "bf": "1"}),
        ("mov", "mpeg4", {"g": "4"}),
        ("matroska", "libx264", {"g": "4"}),
        ("webm", "libvpx-vp9", {"g": "4", "speed": "8"}),
        ("mpegts", "mpeg2video", {"g": "4"}),
        ("avi", "mjpeg", {}),
        ("mov", "png", {}),
        ("flv", "flv1", {"g": "4"}),
    ):
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream = output.add_stream(codec, rate=25, options=options)
            stream.width, stream.height = frames.shape[2], frames.shape[1]
            stream.pix_fmt = {"png": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
            for number, frame in enumerate(frames):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts = number
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
        made.append(file.getvalue())
    return made


def read_video(data):
    import contextlib
    import itertools

    from animegan_tf.styling.video_files import open_reader, probe

    def read(path):
        info = probe(path)
        with contextlib.closing(open_reader(path, info)) as reader:
            for frame in itertools.islice(reader, 100):
                assert frame.rgb.shape == (info.height, info.width, 3)
        assert reader.damage is None or isinstance(reader.damage, str)

    _read_as_file(data, "video.mkv", read)


def models():
    from animegan_tf.networks.generator import build_generator
    from animegan_tf.networks.keras_file import save_generator

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.keras"
        save_generator(build_generator(4), path)
        return [path.read_bytes()]


def read_model(data):
    from animegan_tf.networks.keras_file import load_generator

    _read_as_file(data, "generator.keras", load_generator)


def checkpoints():
    """One of the authors' code: the length of its index, the index, and the data."""
    import tensorflow as tf

    from animegan_tf.networks.generator import build_generator
    from animegan_tf.networks.tf1_checkpoint import generator_variable_names

    generator = build_generator(4)
    names = generator_variable_names()
    arrays = [
        generator.get_layer(name.split("/")[0]).get_weights()[name.endswith("/beta")]
        for name in names
    ]
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder, "model.ckpt")
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=list(names.values()),
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(array) for array in arrays],
        )
        index = Path(f"{prefix}.index").read_bytes()
        content = Path(f"{prefix}.data-00000-of-00001").read_bytes()
    return [len(index).to_bytes(4, "little") + index + content]


def read_checkpoint(data):
    from animegan_tf.networks.loading import find_weights
    from animegan_tf.networks.loading import read_model as read_weights

    size = int.from_bytes(data[:4], "little")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.ckpt.index").write_bytes(data[4 : 4 + size])
        Path(folder, "model.ckpt.data-00000-of-00001").write_bytes(data[4 + size :])
        read_weights(find_weights(Path(folder, "model.ckpt")))


def exports():
    """What is looked through before a runtime opens it: a TFLite file, a SavedModel's graph."""
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3))])
        def __call__(self, image):
            return {"image": tf.nn.conv2d(image, tf.ones((3, 3, 3, 3)), 1, "SAME")}

    module = Module()
    function = module.__call__.get_concrete_function()
    tflite = tf.lite.TFLiteConverter.from_concrete_functions([function], module).convert()
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder)
        return [tflite, Path(folder, "saved_model.pb").read_bytes()]


def read_export(data):
    from animegan_tf.networks.loading import find_model

    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, model in (("saved_model.pb", folder), ("a.tflite", f"{folder}/a.tflite")):
            Path(folder, name).write_bytes(data)
            try:
                find_model(model)
            except UserError as error:
                refused += 1
                if refused == 2:
                    raise error


def configurations():
    from animegan_tf.training.config import TrainConfig

    return [TrainConfig().to_json().encode()]


def read_configuration(data):
    from animegan_tf.training.recipes import resolve_config

    _read_as_file(data, "config.json", lambda path: resolve_config({}, path))


def _read_as_file(data, name, read):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        read(path)


READERS = {
    "pictures": Reader(pictures, read_picture, (images.ImageError,)),
    "videos": Reader(videos, read_video, (VideoError,), 1_000_000_000),
    "models": Reader(models, read_model, (UserError,)),
    "checkpoints": Reader(checkpoints, read_checkpoint, (UserError,)),
    "exports": Reader(exports, read_export, (UserError,)),
    "settings": Reader(configurations, read_configuration, (UserError,)),
}


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
