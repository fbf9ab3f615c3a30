"""The work of `animegan export`; its flags are in `export_flags`."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from pathlib import Path

from animegan_tf import styles
from animegan_tf.cli.export_flags import FLAGS
from animegan_tf.cli.models import choose_model
from animegan_tf.data.find import find_training_files
from animegan_tf.devices import select_device
from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.exporting import lighter, onnx, saved_model, serving, web
from animegan_tf.exporting.parity import Reference, check, put_in_place
from animegan_tf.exporting.photos import drawn_photos, read_photos, split_evenly
from animegan_tf.exporting.report import build_report, describe, read_report, write_report
from animegan_tf.exporting.tflite.conversion import quieten_converters
from animegan_tf.exporting.tflite.exporter import Exporter
from animegan_tf.images import find_images, write_bytes
from animegan_tf.networks.colors import with_fitted_colors
from animegan_tf.networks.generator import parameters_of, width_of
from animegan_tf.networks.loading import find_weights, read_model
from animegan_tf.runs import check_name, check_room, locked, run_of
from animegan_tf.training.config import read_config

CHECK_PHOTOS = 8
MAX_SIZE = 8192
"""Of the pictures that a TFLite file takes: at width 64 they take 190 GB of memory."""
WORKING = ".exporting-"
TARGET_OF_FLAG = {
    "max_request_pixels": "savedmodel",
    "tflite_io": "tflite",
    "tflite_sizes": "tflite",
    "tflite_precision": "tflite",
    "calibration_photos": "tflite",
}
"""Flags that mean something for one target only."""


def main(arguments: list[str]) -> int | None:
    quieten_converters()
    targets = chosen_targets()
    _, _, model, (photos, calibration, photo_source), sizes, others, *_ = check_all(
        functools.partial(check_flags, targets),
        functools.partial(select_device, FLAGS.device),
        choose_weights,
        functools.partial(choose_photos, targets),
        parse_sizes,
        find_compared_models,
        *([onnx.check_onnx_installed] * bool({"onnx", "web"} & set(targets))),
        *([web.check_web] * ("web" in targets)),
    )
    name, output = choose_output(model)
    if "web" in targets:
        web.check_page_folder(output / "web")
    with working_folder(output) as folder:
        earlier = read_report(output)
        network = read_model(model)
        needed = expected_bytes(targets, sizes, width_of(network))
        check_room("--output", output, needed, "the exports", ", or name another folder")
        finish_network = with_fitted_colors if fits_colors(model) else lambda generator: generator
        generator = finish_network(network)
        others = {str(other.path): finish_network(read_model(other)) for other in others}
        print(f"{model.path} -> {output}\nchecked on {photo_source}", flush=True)
        reference = Reference(generator)
        card = styles.card_of_file(model.path)
        entries = [
            finish(artifact, reference, photos, output)
            for artifact in export(
                targets, generator, name, card, reference, calibration, sizes, folder, output
            )
        ]
        rows = []
        if others:
            rows = lighter.compare({str(model.path): generator, **others}, reference, photos)
        if "savedmodel" in targets:
            write_serving_files(name, output)
        report = build_report(
            name=name,
            model=str(model.path),
            generator=generator,
            photos=photo_source,
            artifacts=entries,
            lighter=rows,
            output=output,
            earlier=earlier,
        )
        write_report(report, output)
    print(f"report: {output / 'report.md'}")
    refused = [entry["path"] for entry in entries if not entry["in_place"]]
    for path in refused:
        print(f"not put in place, it differs too much: {path} (--allow_lossy overrides)")
    return 1 if refused else 0


def chosen_targets():
    targets = [t for t in ("savedmodel", "tflite", "onnx", "web") if FLAGS[t].value]
    return targets or ["savedmodel", "tflite", "onnx"]


def check_flags(targets):
    """Refuses flags that would have no effect."""
    remedy = "Leave it out, or add what it is for"
    findings = [
        Finding(f"--{flag}", f"applies to --{target}, which is not written", remedy)
        for flag, target in TARGET_OF_FLAG.items()
        if FLAGS[flag].present and target not in targets
    ]
    if "tflite" in targets and FLAGS["calibration_photos"].present and not calibrates(targets):
        findings.append(
            Finding(
                "--calibration_photos",
                "applies to int8 and dynamic_int8, neither of which is written",
                remedy,
            )
        )
    if findings:
        raise UserError(findings)


def calibrates(targets):
    """Whether a number format is written whose ranges come from photos."""
    return "tflite" in targets and bool({"int8", "dynamic_int8"} & set(FLAGS.tflite_precision))


def choose_weights():
    """The file to export."""
    return choose_model(FLAGS.style, FLAGS.model, find_weights).file


def fits_colors(model):
    """Whether the exported networks end with a map of colors."""
    if FLAGS.fit_colors is not None:
        return FLAGS.fit_colors
    return bool(styles.options_of(model.path).get("fit_colors"))


def find_compared_models():
    """The files of the other generators."""
    return check_all(*(functools.partial(find_weights, path) for path in FLAGS.compare_models))


def choose_photos(targets):
    """Photos to compare on, photos to calibrate with, and in words where they are from."""
    count = FLAGS.calibration_photos if calibrates(targets) else 1
    if FLAGS.photos:
        compared, others = split_evenly(list_photos(FLAGS.photos), CHECK_PHOTOS)
        return (
            read_photos(compared, CHECK_PHOTOS),
            read_photos(others or compared, count),
            f"photos in {FLAGS.photos}",
        )
    files = files_of_run()
    if files:
        return (
            read_photos(files.val, CHECK_PHOTOS),
            read_photos(files.photos, count),
            "photos of the training run's data, compared on those for validation",
        )
    drawn = drawn_photos(CHECK_PHOTOS + count)
    return drawn[:CHECK_PHOTOS], drawn[CHECK_PHOTOS:], "photos that the project draws"


def list_photos(folder):
    remedy = "Name a folder of photos, or leave --photos out"
    try:
        paths = find_images(folder)
    except OSError as error:
        raise UserError(
            Finding(f"--photos={folder}", error.strerror or str(error), remedy)
        ) from error
    if not paths:
        raise UserError(Finding(f"--photos={folder}", "no picture in it", remedy))
    return paths


def files_of_run():
    """The training files of the run that the model is from; None if unknown or gone."""
    config = config_of_run()
    if not config:
        return None
    try:
        return find_training_files(
            data_dir=config["data_dir"],
            style=config["style"],
            photos=config.get("photos"),
            anime=config.get("anime"),
            val=config.get("val"),
        )
    except UserError:
        return None


def config_of_run():
    """The configuration of the run that the model lies in; None if it lies in none."""
    try:
        run = run_of(choose_weights().path)
    except UserError:  # Reported by the check of the model itself.
        return None
    return read_config(run / "config.json") if run else None


def parse_sizes():
    try:
        sizes = [None if size.strip() == "any" else int(size) for size in FLAGS.tflite_sizes]
    except ValueError:
        sizes = [0]
    wrong = [size for size in sizes if size and not (8 <= size <= MAX_SIZE and size % 4 == 0)]
    if not sizes or wrong or 0 in sizes:
        raise UserError(
            Finding(
                f"--tflite_sizes={','.join(FLAGS.tflite_sizes)}",
                f"not multiples of 4 from 8 to {MAX_SIZE}, or any",
                "Write 256,512,any",
            )
        )
    return sizes


def choose_output(model):
    """The export's name and its folder."""
    style = FLAGS.style or (config_of_run() or {}).get("style")
    name = FLAGS.name or (style or model.path.stem).lower()
    check_name("--name", name)
    return name, Path(FLAGS.output or Path("exports") / name)


@contextlib.contextmanager
def working_folder(output):
    """A folder inside the output folder in which exports are written and checked.

    It is removed in the end, and so is the output folder if nothing came of it. Meanwhile no other
    process exports there.
    """
    made = [folder for folder in (output, *output.parents) if not os.path.lexists(folder)]
    with contextlib.ExitStack() as held:
        held.callback(remove_empty, made)
        try:
            output.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(output, "exporting", "Wait for it, or name another --output"))
            for left in output.glob(f"{WORKING}*"):  # By a process that was killed.
                shutil.rmtree(left, ignore_errors=True)
            folder = held.enter_context(tempfile.TemporaryDirectory(dir=output, prefix=WORKING))
        except OSError as error:
            raise UserError(
                Finding(
                    f"--output={output}", error.strerror or str(error), "Name a folder to write to"
                )
            ) from error
        yield Path(folder)


def remove_empty(folders):
    for folder in folders:
        with contextlib.suppress(OSError):  # It is not empty.
            folder.rmdir()


def expected_bytes(targets, sizes, width):
    """About how much an export takes: each file is little but weights, of known precisions."""
    bytes_of_precision = {"float32": 4, "float16": 2, "dynamic_int8": 1, "int8": 1}
    tflite = len(sizes) * sum(bytes_of_precision[name] for name in set(FLAGS.tflite_precision))
    per_weight = {"savedmodel": 4, "onnx": 4, "tflite": tflite, "web": 8}
    return parameters_of(width) * sum(per_weight[target] for target in targets)


def export(targets, generator, name, card, reference, calibration, sizes, folder, output):
    """Writes each target into the working folder, one after the other."""
    if "savedmodel" in targets:
        yield saved_model.export_saved_model(
            generator,
            name,
            folder,
            output / "savedmodel",
            calibration[0],
            FLAGS.max_request_pixels,
        )
    if "onnx" in targets:
        yield onnx.export_onnx(generator, folder, output)
    if "web" in targets:
        yield web.export_page(generator, name, card, folder, output)
    if "tflite" in targets:
        yield from Exporter(generator, reference, calibration, FLAGS.tflite_io).export(
            folder, output, sizes, FLAGS.tflite_precision
        )


def finish(artifact, reference, photos, output):
    """Checks one artifact, puts it in place if it holds, and says so; its report entry."""
    checked = check(artifact, reference, photos)
    placed = checked.holds or FLAGS.allow_lossy
    if placed:
        put_in_place(artifact)
    for row in checked.measured:
        print(
            f"{'ok ' if checked.holds else 'NOT'} {artifact.destination} {row.route.name}: "
            f"mean error {row.difference.mean:.2e}, PSNR {row.difference.psnr:.1f} dB "
            f"(limit: {artifact.limit}), {row.milliseconds:.0f} ms",
            flush=True,
        )
    return describe(checked, placed, output)


def write_serving_files(name, output):
    folder = output / "serving"
    folder.mkdir(exist_ok=True)
    for file_name, text in serving.serving_files(name).items():
        write_bytes(folder / file_name, text.encode())
