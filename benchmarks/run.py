"""How fast it is, beside others: `make bench`.

    python benchmarks/run.py                              # all rows, into results.md and .json
    python benchmarks/run.py --model runs/shinkai/1       # trained weights, for the PSNR row
    python benchmarks/run.py --groups generator,data

Every row is a ratio of two things that run in turn in one process or one loop. Each group of rows
has a process of its own. What isn't installed is left out and said so:
`pip install -r benchmarks/requirements.txt`.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import importlib.metadata
import json
import logging
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import flags

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness import THREADS, Row

from animegan_tf.cli.command import new_flags, run
from animegan_tf.devices import processor_name
from animegan_tf.errors import Finding, UserError
from animegan_tf.images import write_bytes

GROUPS = ("generator", "training", "programs", "data", "page")
PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python", "onnxruntime", "openvino", "torch")

FLAGS = new_flags()
flags.DEFINE_list(
    "groups",
    list(GROUPS),
    f"which rows: {', '.join(GROUPS)}; others keep what they had in --output",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "model",
    None,
    "generator.keras or run folder with trained weights; default: random ones",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "rounds", 7, "how often the shortest things are measured", lower_bound=2, flag_values=FLAGS
)
flags.DEFINE_string(
    "output", str(HERE), "folder for results.md and results.json", flag_values=FLAGS
)
flags.DEFINE_string(
    "one_group",
    None,
    "only for run.py's own use: measure this group, and write its rows to --output",
    flag_values=FLAGS,
)


def main(_):
    if FLAGS.one_group:
        return measure_group()
    unknown = sorted(set(FLAGS.groups) - set(GROUPS))
    if unknown:
        raise UserError(
            Finding(
                f"--groups={','.join(unknown)}", "no such group", f"There are {', '.join(GROUPS)}"
            )
        )
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    results = read_results(output / "results.json")
    for group in GROUPS:
        if group in FLAGS.groups:
            results["groups"][group] = {**environment(group), "rows": run_group(group)}
            write_bytes(output / "results.json", (json.dumps(results, indent=2) + "\n").encode())
            write_bytes(output / "results.md", as_markdown(results).encode())
    print((output / "results.md").read_text())


def read_results(path):
    return json.loads(path.read_text()) if path.exists() else {"groups": {}}


def environment(group):
    """What the rows of a group were measured with."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "threads": THREADS,
        "python": platform.python_version(),
        "weights": "shipped" if group == "page" else "trained" if FLAGS.model else "random",
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
    }


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor():
    """The processor's name, and which of the fast instructions it has."""
    info = Path("/proc/cpuinfo")
    features = set(info.read_text(errors="replace").split()) if info.is_file() else set()
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in features]
    return f"{processor_name()} ({', '.join(known)})"


def run_group(group):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [
            sys.executable,
            __file__,
            f"--one_group={group}",
            f"--output={file.name}",
            f"--rounds={FLAGS.rounds}",
        ]
        subprocess.run(command + ([f"--model={FLAGS.model}"] if FLAGS.model else []), check=True)
        return json.loads(Path(file.name).read_text())


def measure_group():
    logging.getLogger("tensorflow").setLevel("ERROR")  # The profiler calls itself deprecated.
    rows = []
    for row in importlib.import_module(f"bench_{FLAGS.one_group}").rows(FLAGS.model, FLAGS.rounds):
        print(as_line(row), flush=True)
        rows.append(dataclasses.asdict(row))
    Path(FLAGS.output).write_text(json.dumps(rows))


def as_line(row):
    if row.missing:
        return f"| {row.what} | {row.against} | {row.missing} | | {_reach(row)} | | |"
    return (
        f"| {row.what} | {row.against} | {row.median:.3g} | {row.best:.3g} | {_reach(row)} | "
        f"{row.met} | {row.detail} |"
    )


def _reach(row):
    if row.reach is None:
        return ""
    return f"{'>=' if row.higher else '<='} {row.reach:g}"


def as_markdown(results):
    lines = [
        "# How fast it is",
        "",
        "Ratios of two things that ran in turn: below 1, the first is faster, unless the goal "
        "says >=. Median of the rounds' ratios, and the ratio of the best times. `make bench` "
        "makes this file.",
        "",
    ]
    for group, result in results["groups"].items():
        packages = ", ".join(f"{name} {version}" for name, version in result["packages"].items())
        lines += [
            f"## {group.capitalize()}",
            "",
            f"{result['date']}, {result['processor']}, {result['threads']} threads, Python "
            f"{result['python']}, {packages}, {result['weights']} weights",
            "",
            "| what | against | median | best | goal | met | times |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(as_line(Row(**row)) for row in result["rows"]),
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
