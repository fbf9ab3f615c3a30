"""report.json and report.md: what was exported, how exact and how fast it is, how to use it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.devices import processor_name
from animegan_tf.errors import Finding, UserError
from animegan_tf.exporting.lighter import Row
from animegan_tf.exporting.parity import PARITY_SIZES, Checked
from animegan_tf.exporting.serving import docker_command
from animegan_tf.images import read_bytes, write_bytes
from animegan_tf.networks.colors import FitColors

_MAX_FILE = 10_000_000  # Bytes; a report has some ten thousand.


def machine() -> str:
    """The processor and its threads, as far as the system says."""
    return f"{processor_name()}, {os.cpu_count()} threads"


def describe(checked: Checked, placed: bool, output: Path) -> dict:
    """An artifact's entry of the report."""
    artifact = checked.artifact
    return {
        "name": artifact.name,
        "path": artifact.destination.relative_to(output).as_posix(),
        "bytes": checked.bytes,
        "limit": str(artifact.limit),
        "within_limit": checked.holds,
        "in_place": placed,
        "runtime": artifact.runtime,
        "notes": artifact.notes,
        "size": list(artifact.size) if artifact.size else None,
        "signatures": [
            {
                "name": row.route.name,
                "inputs": row.route.inputs,
                "outputs": row.route.outputs,
                "max_error": _number(row.difference.maximum),
                "mean_error": _number(row.difference.mean),
                "psnr_db": _number(row.difference.psnr),
                "latency_ms": _number(row.milliseconds),
                "times_keras": _number(row.milliseconds / row.keras_milliseconds),
            }
            for row in checked.measured
        ],
    }


def _number(value):
    """JSON has neither infinity nor NaN: those become text."""
    return float(f"{value:.4g}") if math.isfinite(value) else str(value)


def fingerprint(generator: tf.keras.Model) -> str:
    """Of the weights: the first 12 digits of their SHA-256."""
    digest = hashlib.sha256()
    for weights in generator.get_weights():
        digest.update(np.ascontiguousarray(weights))
    return digest.hexdigest()[:12]


def read_report(output: Path) -> dict | None:
    """The report of an earlier export into a folder; None if there is none.

    Raises:
        UserError: it can't be read.
    """
    path = output / "report.json"
    if not path.exists():
        return None
    remedy = "Move it away, or choose another --output"
    try:
        report = json.loads(read_bytes(path, max_memory=_MAX_FILE))
        to_markdown(report)  # Whoever can be shown has all that a report needs.
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(Finding(str(path), "not the report of an export", remedy)) from error
    except (ValueError, RecursionError) as error:
        raise UserError(Finding(str(path), str(error), remedy)) from error
    return report


def build_report(
    *,
    name: str,
    model: str,
    generator: tf.keras.Model,
    photos: str,
    artifacts: Iterable[dict],
    lighter: Iterable[Row],
    output: Path,
    earlier: dict | None = None,
) -> dict:
    """All facts of an export, as `report.json` has them.

    What an earlier export put in place and this one has not replaced is kept: the artifacts whose
    files are there, and, for the same weights, the table of lighter generators.

    Args:
        name: of the style.
        model: where the weights came from.
        generator: the network.
        photos: in words, which pictures it was checked and calibrated on.
        artifacts: of `describe`.
        lighter: of `lighter.compare`; may be empty.
        output: the folder of the export.
        earlier: of `read_report`.
    """
    weights = fingerprint(generator)
    fits_colors = isinstance(generator.layers[-1], FitColors)
    artifacts = [{**entry, "weights": weights, "fit_colors": fits_colors} for entry in artifacts]
    rows = [row._asdict() for row in lighter]
    if earlier:
        replaced = {entry["path"] for entry in artifacts if entry["in_place"]}
        artifacts = [
            entry
            for entry in earlier["artefacts"]
            if entry["in_place"]
            and entry["path"] not in replaced
            and (output / entry["path"]).exists()
        ] + artifacts
        if earlier["weights"] == weights:
            rows = rows or earlier["lighter"]
    served = any(entry["name"] == "SavedModel" and entry["in_place"] for entry in artifacts)
    return {
        "name": name,
        "model": model,
        "weights": weights,
        "photos": photos,
        "machine": machine(),
        "parameters": sum(int(np.prod(v.shape)) for v in generator.trainable_variables),
        "tensorflow": tf.__version__,
        "parity_sizes": [list(size) for size in PARITY_SIZES],
        "artefacts": artifacts,
        "lighter": rows,
        "serving_command": docker_command(name, output) if served else None,
    }


def write_report(report: dict, output: Path) -> None:
    """Writes `report.json` and `report.md`."""
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(output / "report.json", text.encode())
    write_bytes(output / "report.md", to_markdown(report).encode())


def to_markdown(report: dict) -> str:
    """The report for people."""
    entries = report["artefacts"]
    sizes = ", ".join(f"{width}x{height}" for height, width in report["parity_sizes"])
    parts = [
        f"# Export of {report['name']}",
        f"Weights: `{report['model']}` ({report['weights']}), {report['parameters']:,} parameters. "
        f"TensorFlow {report['tensorflow']}. Machine: {report['machine']}.",
        f"Each file was read back by its own runtime and compared with the Keras model on "
        f"{len(report['parity_sizes'])} pictures ({sizes}; files of one size on that size). "
        f"Pictures: {report['photos']}. Errors are on [-1, 1], whose whole range is 2; results in "
        f"uint8 are compared with the Keras model's uint8. Latency is the median for one picture "
        f"of 256x256, or of the file's size; x Keras is its ratio to the Keras model's, which took "
        f"turns with it.",
        _table(
            (
                "file",
                "signature",
                "MB",
                "max error",
                "mean error",
                "PSNR dB",
                "limit",
                "ms",
                "x Keras",
                "runtime",
                "in place",
            ),
            [
                (
                    entry["path"],
                    row["name"],
                    f"{entry['bytes'] / 1e6:.2f}",
                    row["max_error"],
                    row["mean_error"],
                    row["psnr_db"],
                    entry["limit"],
                    row["latency_ms"],
                    row["times_keras"],
                    entry["runtime"],
                    _placed(entry),
                )
                for entry in entries
                for row in entry["signatures"]
            ],
        ),
        "## Inputs and outputs",
        _table(
            ("file", "signature", "input", "output"),
            [
                (entry["path"], row["name"], row["inputs"], row["outputs"])
                for entry in entries
                for row in entry["signatures"]
            ],
        ),
    ]
    if report["lighter"]:
        parts += [
            "## Lighter generators",
            "Weight and speed of other generators, and their PSNR against this one's "
            "pictures (two trainings never agree to the pixel: it says how close the results "
            "are, not which is better). FLOPs are of one 256x256 picture, the file is "
            "float16 TFLite, latency float32 TFLite at 256x256; x Keras is its ratio to this "
            "one's Keras model.",
            _table(
                (
                    "model",
                    "width",
                    "parameters",
                    "GFLOPs",
                    "file MB",
                    "ms",
                    "x Keras",
                    "PSNR dB",
                    "mean error",
                ),
                [
                    (
                        row["model"],
                        row["width"],
                        f"{row['parameters']:,}",
                        f"{row['flops'] / 1e9:.2f}",
                        f"{row['file_bytes'] / 1e6:.2f}",
                        f"{row['milliseconds']:.0f}",
                        row["times_keras"],
                        row["psnr_db"],
                        row["mean_error"],
                    )
                    for row in report["lighter"]
                ],
            ),
        ]
    if report["serving_command"]:
        parts += [
            "## TensorFlow Serving",
            f"```\n{report['serving_command']}\n```",
            f"Then `python examples/serving_client.py --model {report['name']} photo.jpg`. "
            "`serving/batching.config` is for `--enable_batching "
            f"--batching_parameters_file=/models/{report['name']}/serving/batching.config`: "
            "it bounds the queue, but makes nothing faster, since pictures go through the "
            "network one by one; requests that the server merged fail together when one of "
            "them holds a bad picture, and the row that is named is then the merged batch's.",
        ]
    notes = [
        f"- `{entry['path']}`: {'; '.join(_notes(entry, report))}"
        for entry in entries
        if _notes(entry, report)
    ]
    if notes:
        parts += ["## Notes", "\n".join(notes)]
    return "\n\n".join(parts) + "\n"


def _placed(entry):
    if not entry["in_place"]:
        return "NO: over the limit"
    return "yes" if entry["within_limit"] else "yes, over the limit (--allow_lossy)"


def _notes(entry, report):
    notes = entry["notes"]
    if entry.get("fit_colors"):  # Reports of earlier versions don't say.
        notes = ["ends with a map of colors (--fit_colors)", *notes]
    if entry["weights"] != report["weights"]:
        notes = [f"of an earlier export of OTHER weights ({entry['weights']})", *notes]
    return notes


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
