"""The work of `animegan evaluate`; its flags are in `evaluate_flags`."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from animegan_tf.cli.evaluate_flags import FLAGS
from animegan_tf.cli.models import choose_model
from animegan_tf.devices import select_device
from animegan_tf.errors import Finding, UserError, WorkFailed, check_all
from animegan_tf.evaluation.features import load_features
from animegan_tf.evaluation.judge import Judge, check_pictures, middle_square
from animegan_tf.evaluation.page import Section, Shown, write_page
from animegan_tf.images import find_images, read_rgb, rescale, to_float, write_bytes, write_image
from animegan_tf.runs import check_folder
from animegan_tf.styling.stylizer import Stylizer

JUDGMENT, PAGE = "judgment.json", "index.html"


def main(arguments: list[str]) -> None:
    """Judges a network, or results that exist, and writes a folder about it."""
    device, photos, anime, source, features, output = check_all(
        functools.partial(select_device, FLAGS.device),
        functools.partial(pictures_of, "photos", FLAGS.photos),
        functools.partial(pictures_of, "anime", FLAGS.anime),
        choose_source,
        functools.partial(load_features, FLAGS.features),
        check_output,
    )
    results = match_results(photos, source) if FLAGS.results else None
    what = f"the pictures in {source}" if results else source.words
    print(f"{what}, {len(photos)} photos, on {device}", file=sys.stderr)
    with bar(len(anime), "anime pictures") as progress:
        judge = Judge(photos, anime, features, FLAGS.size, on_anime=progress.update)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".evaluation-") as temporary:
        folder = Path(temporary, output.name)
        (folder / "pictures").mkdir(parents=True)
        pairs: list[Shown] = []
        with bar(len(photos), "photos") as progress:

            def add(*picture):
                progress.update()
                if len(pairs) < FLAGS.pictures:
                    pairs.append(write_pair(folder, len(pairs), *picture))

            if results:
                judgment = judge.of_results(map(read_result, photos, results), add)
            else:
                judgment = judge(network(source), add)
        write_reports(folder, what, judgment, pairs)
        put_in_place(folder, output, Path(temporary, "earlier"))
    print("\n".join(f"{name}: {value}" for name, value, _ in rows_of(judgment)))
    print(f"The page is {output / PAGE}")


def pictures_of(flag, folder):
    """The pictures of a folder that a flag names, each checked."""
    if not folder or not Path(folder).is_dir():
        reason = "is needed" if not folder else "no such folder"
        raise UserError(Finding(f"--{flag}", reason, f"Give a folder of {flag}"))
    pictures = find_images(folder)
    check_pictures(f"--{flag}={folder}", pictures)
    return pictures


def choose_source():
    """What is judged: a network, or the folder of results."""
    if not FLAGS.results:
        return choose_model(FLAGS.style, FLAGS.model)
    if FLAGS.style or FLAGS.model:
        reason = "results are judged without a network"
        raise UserError(Finding("--results", reason, "Leave out --style and --model"))
    if not Path(FLAGS.results).is_dir():
        raise UserError(Finding(f"--results={FLAGS.results}", "no such folder", "Check its name"))
    return Path(FLAGS.results)


def match_results(photos, folder):
    """The result of each photo: the picture of the same name, whatever its format."""
    named = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in find_images(folder)
    }
    names = [path.relative_to(FLAGS.photos).with_suffix("").as_posix() for path in photos]
    missing = [name for name in names if name not in named]
    if missing:
        raise UserError(
            Finding(
                f"--results={folder}",
                f"{len(missing)} of {len(photos)} photos have no result of their name, "
                f"such as {missing[0]}",
                "Name each result as its photo, or give a folder with only those photos",
            )
        )
    results = [named[name] for name in names]
    check_pictures(f"--results={folder}", results)
    return results


def name_of(path, folder):
    """A picture's name within its folder, without the extension."""
    return path.relative_to(folder).with_suffix("").as_posix()


def read_result(photo, result):
    """A result as the judge takes it: the same part of the picture as of its photo."""
    rgb = rescale(read_rgb(result), *read_rgb(photo).shape[:2])
    return middle_square(rgb, FLAGS.size)


def network(source):
    """What a network makes of photos, float32 to float32, as `animegan infer` would save it."""
    stylizer = Stylizer.load(source.file.path)

    def stylize(photos):
        pixels = np.rint((photos + 1) * 127.5).astype(np.uint8)
        return to_float(stylizer(pixels, **source.options))

    return stylize


def check_output():
    """The folder to write to: a new one, or an earlier evaluation that may be replaced."""
    output = Path(FLAGS.output)
    where = f"--output={output}"
    check_folder("--output", output)
    if not output.exists():
        return output
    if not (output / JUDGMENT).is_file():
        raise UserError(Finding(where, "exists, and holds no evaluation", "Give another name"))
    if not FLAGS.overwrite:
        raise UserError(Finding(where, "exists", "Give another name, or --overwrite"))
    others = [path for path in output.rglob("*") if not is_own(path.relative_to(output))]
    if others:
        reason = f"holds more than an evaluation, such as {others[0].name}"
        raise UserError(Finding(where, reason, "Give another name, or move that away"))
    return output


def is_own(path):
    """Whether a path inside an evaluation is one that evaluations have."""
    return path.as_posix() in (JUDGMENT, PAGE, "pictures") or bool(
        re.fullmatch(r"pictures/\d{3,}-(photo|result)\.jpg", path.as_posix())
    )


def put_in_place(folder, output, earlier):
    """Gives the folder its name; an evaluation that is there goes only if it may be replaced."""
    if FLAGS.overwrite and output.exists():
        os.replace(output, earlier)
    try:
        os.rename(folder, output)
    except OSError as error:
        if not output.exists():
            if earlier.exists():
                os.replace(earlier, output)
            raise
        raise WorkFailed(
            Finding(
                f"--output={output}",
                "another program has written there meanwhile, which is left as it is",
                "Give another name, or --overwrite",
            )
        ) from error


def write_pair(folder, number, path, photo, result, measures):
    """Adds a photo and its result to the pictures of the page."""
    names = [f"pictures/{number:03}-{part}.jpg" for part in ("photo", "result")]
    for name, picture in zip(names, (photo, result)):
        pixels = np.clip(np.rint((picture + 1) * 127.5), 0, 255).astype(np.uint8)
        write_image(folder / name, pixels, quality=92)
    shown = ("content", "chroma", "ringing", "stripes", "texture")
    text = ", ".join(f"{name} {measures[name]:.2f}" for name in shown)
    return Shown(*names, path.name, text)


def write_reports(folder, what, judgment, pairs):
    """The figures as JSON and as a page."""
    text = json.dumps({"judged": what, **judgment.as_json()}, indent=1)
    write_bytes(folder / JUDGMENT, text.encode("utf-8"))
    facts = (
        f"Judged: {what}. Features: {judgment.features}. Pictures: the middle square, "
        f"{judgment.size} pixels a side."
    )
    table = [("measure", "value", "meaning"), *rows_of(judgment)]
    write_page(
        folder / PAGE,
        "How good the pictures are",
        [Section("Figures", [facts], table), Section("Photos and results", pairs=pairs)],
    )


def rows_of(judgment):
    """(measure, value, meaning) of each figure."""
    kids = (
        ("KID of results to anime", judgment.kid, "smaller: more like the style"),
        ("KID of photos to anime", judgment.kid_of_photos, "where every style begins"),
        ("KID of results to photos", judgment.kid_to_photos, "larger: farther from photos"),
    )
    for name, kid, meaning in kids:
        counts = " and ".join(map(str, kid.counts))
        value = f"{kid.mean:.4g} ± {kid.deviation:.2g}"
        details = f"{counts} pictures, {kid.subsets} subsets of {kid.subset_size}"
        yield name, value, f"{meaning} ({details})"
    yield "content distance", f"{judgment.content:.3f}", "smaller: more of the photo is kept"
    yield "chroma distance", f"{judgment.chroma:.2f}", "smaller: the photo's colors are kept"
    for name, meaning in (
        ("ringing", "lightness made up beside the photo's edges"),
        ("stripes", "lightness made up at the picture's borders"),
        ("texture", "lightness made up in flat areas, such as worms in skies"),
    ):
        yield name, f"{judgment.invented[name]:.2f}", meaning
    for name, values in (
        ("flat share", judgment.flat_share),
        ("edge strength", judgment.edge_strength),
    ):
        shown = ", ".join(f"{kind} {value:.2f}" for kind, value in values.items())
        yield name, shown, "the results should be nearer to the anime pictures than the photos are"


def bar(total, name):
    """A progress bar on standard error, where that is a terminal."""
    return tqdm(total=total, desc=name, unit="picture", disable=None, file=sys.stderr)
