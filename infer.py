#!/usr/bin/env python3
"""Turns photos and videos into anime.

    python infer.py --style shinkai photos/ --output anime/
    python infer.py --model Hayao-60.ckpt photo.jpg
    python infer.py --model hayao.keras --temporal --start 5 --duration 10 walk.mp4
    python infer.py --model hayao.keras --webcam 0

Inputs are files, folders (of pictures), patterns, or - for standard input. Results stand beside
their sources (photo_anime.jpg) unless --output says otherwise. Exit status: 0 all done, 1 some
failed or were damaged (listed at the end), 2 nothing was begun.
"""

from __future__ import annotations

import functools
import sys
import time

from absl import flags
from tqdm import tqdm

from animegan_tf.devices import select_device
from animegan_tf.errors import Finding, UserError, check_all, run_main
from animegan_tf.files import ALL, FORMATS, Options, parse_shard, plan_jobs, stylize_files
from animegan_tf.runs import newest_run
from animegan_tf.stylize import PRECISIONS, Stylizer, find_model
from animegan_tf.video import plan_videos, split_inputs, stylize_video
from animegan_tf.videofiles import CODECS
from animegan_tf.webcam import check_window, open_camera, show_webcam

flags.DEFINE_string("style", None, "take the newest finished run of this style under runs/")
flags.DEFINE_string("model", None, "generator.keras, run folder, training checkpoint, SavedModel, "
                    ".tflite file, or checkpoint of the authors' code")
flags.DEFINE_multi_string("input", [], "file, folder, pattern or - (standard input); may be "
                          "repeated; the same as an argument that is not a flag")
flags.DEFINE_string("output", None, "folder, or file for one source, or - (standard output); "
                    "default: beside the source")
flags.DEFINE_string("suffix", None, "stands between name and extension of results; default: _anime "
                    "beside the source, nothing with --output")
flags.DEFINE_enum("format", None, list(FORMATS), "format of pictures; default: the source's, or "
                  "png; gif keeps animations")
flags.DEFINE_integer("quality", 95, "of JPEG and WebP", lower_bound=1, upper_bound=100)
flags.DEFINE_bool("overwrite", False, "replace existing results (never a source)")
flags.DEFINE_bool("recursive", True, "take pictures from folders inside folders")
flags.DEFINE_bool("resume", False, "leave out sources whose results exist: go on with a folder "
                  "that was interrupted")
flags.DEFINE_string("shard", None, "3/16: do only the third of sixteen equal parts of the "
                    "pictures, and of the videos; other machines do the others")
flags.DEFINE_integer("batch_size", 1, "pictures of one size, or frames, that go through the "
                     "network together", lower_bound=1)
flags.DEFINE_bool("compare", False, "photo and result side by side")
flags.DEFINE_bool("keep_color", False, "the photo's chroma with the result's luminance")
flags.DEFINE_bool("match_brightness", False, "make the result as bright as the photo")
flags.DEFINE_float("strength", 1.0, "1: the network's result, 0: the photo, between: a blend",
                   lower_bound=0, upper_bound=1)
flags.DEFINE_integer("max_side", 0, "reduce larger photos to this longer side in pixels; 0: keep",
                     lower_bound=0)
flags.DEFINE_integer("tile", 0, "work in tiles of this side in pixels, a multiple of 4; they share "
                     "their statistics, so no seams show; 0: only where memory asks for it",
                     lower_bound=0)
flags.DEFINE_float("memory_limit", None, "gigabytes that may be used; larger photos are done in "
                   "tiles; default: half of what is free", lower_bound=0)
flags.DEFINE_integer("webcam", None, "show what this camera sees, live in a window, up to q; 0 is "
                     "the first camera", lower_bound=0)
flags.DEFINE_enum("codec", None, list(CODECS), "of videos; default: vp9 in .webm, else h264")
flags.DEFINE_integer("crf", None, "quality of videos, lower is better; default: "
                     + ", ".join(f"{codec.crf} ({name})" for name, codec in CODECS.items()))
flags.DEFINE_float("start", 0, "seconds of a video to leave out at its beginning")
flags.DEFINE_float("duration", None, "seconds of a video to take; default: up to its end")
flags.DEFINE_bool("sound", True, "copy a video's sound")
flags.DEFINE_bool("temporal", False, "less flicker in videos: what holds still in the source "
                  "holds still in the result")
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or gpu:N")
flags.DEFINE_enum("precision", "float32", list(PRECISIONS), "bfloat16 is faster where the "
                  "processor has it, and slightly less exact")
FLAGS = flags.FLAGS


def main(argv):
    inputs = argv[1:] + FLAGS.input
    if FLAGS.webcam is not None:
        return run_webcam(inputs)
    pictures, videos = split_inputs(inputs)
    device, model, jobs, video_jobs, _ = check_all(
        functools.partial(select_device, FLAGS.device), choose_model,
        lambda: choose_pictures(pictures) if pictures or not videos else [],
        lambda: choose_videos(videos) if videos else [], check_resume)
    jobs, video_jobs = left_to_do(jobs), left_to_do(video_jobs)
    stylizer = load_stylizer(model)
    print(f"{model} on {device}", file=sys.stderr)

    failures = run_pictures(stylizer, jobs) + run_videos(stylizer, video_jobs)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


main.takes_arguments = True


def choose_pictures(inputs):
    """The pictures to work on, checked."""
    return plan_jobs(inputs, output=FLAGS.output, suffix=FLAGS.suffix, format=FLAGS.format,
                     overwrite=FLAGS.overwrite or FLAGS.resume, recursive=FLAGS.recursive,
                     shard=chosen_shard())


def choose_videos(inputs):
    """The videos to work on, checked."""
    return plan_videos(inputs, output=FLAGS.output, suffix=FLAGS.suffix, codec=FLAGS.codec,
                       crf=FLAGS.crf, start=FLAGS.start, duration=FLAGS.duration,
                       sound=FLAGS.sound, overwrite=FLAGS.overwrite or FLAGS.resume,
                       shard=chosen_shard())


def chosen_shard():
    return ALL if FLAGS.shard is None else parse_shard(FLAGS.shard)


def check_resume():
    if FLAGS.resume and FLAGS.overwrite:
        raise UserError(Finding("--resume, --overwrite", "one keeps results that exist, the other "
                                "replaces them", "Leave one of both out"))


def left_to_do(jobs):
    """With --resume, the jobs without a result; a result is there as a whole or not at all."""
    if not FLAGS.resume or not jobs:
        return jobs
    left = [job for job in jobs if job.target is None or not job.target.exists()]
    print(f"{len(jobs) - len(left)} of {len(jobs)} results exist", file=sys.stderr)
    return left


def choose_model():
    """The path of the network to use, checked to be one."""
    if bool(FLAGS.style) == bool(FLAGS.model):
        raise UserError(Finding("--style, --model", "exactly one of them is needed", "Give --style "
                                "for a style trained here, or --model for a file"))
    model = FLAGS.model or newest_run(
        FLAGS.style, "generator.keras", f"Train it: python train.py --style {FLAGS.style}; or "
        "give --model")
    find_model(model)
    return model


def load_stylizer(model):
    limit = None if FLAGS.memory_limit is None else FLAGS.memory_limit * 1e9
    try:
        return Stylizer.load(model, precision=FLAGS.precision, memory_limit=limit,
                             tile=FLAGS.tile or None)
    except ValueError as error:
        raise UserError(Finding("--tile, --memory_limit", str(error), "See --help")) from error


def chosen_options():
    return Options(
        strength=FLAGS.strength, keep_color=FLAGS.keep_color,
        match_brightness=FLAGS.match_brightness, compare=FLAGS.compare, max_side=FLAGS.max_side,
        quality=FLAGS.quality, stream_format=FLAGS.format or "png")


def run_pictures(stylizer, jobs):
    """Stylises pictures; returns what failed."""
    if not jobs:
        return []
    start = time.monotonic()
    with progress_bar(len(jobs), "picture") as bar:
        failures = stylize_files(stylizer, jobs, chosen_options(), batch_size=FLAGS.batch_size,
                                 on_done=lambda job, finding: bar.update())
    print(f"{len(jobs) - len(failures)} of {len(jobs)} pictures done in "
          f"{time.monotonic() - start:.1f} s", file=sys.stderr)
    return failures


def run_videos(stylizer, jobs):
    """Stylises videos; returns what failed."""
    failures, notes = [], set()

    def show_note(note):
        if note not in notes:
            tqdm.write(f"note: {note}", file=sys.stderr)
        notes.add(note)

    for job in jobs:
        start, counts = time.monotonic(), []
        with progress_bar(job.frames, "frame", job.source.name) as bar:
            failure = stylize_video(
                stylizer, job, chosen_options(), batch_size=FLAGS.batch_size,
                temporal=FLAGS.temporal, on_note=show_note,
                on_frames=lambda count: (counts.append(count), bar.update(count)))
        if failure:
            failures.append(failure)
        else:
            print(f"{job.target}: {sum(counts)} frames in {time.monotonic() - start:.1f} s",
                  file=sys.stderr)
    return failures


def run_webcam(inputs):
    """Shows the camera's picture until the user has seen enough."""
    def no_inputs():
        if inputs:
            raise UserError(Finding(" ".join(inputs), "--webcam takes no files",
                                    "Leave one of both out"))

    device, model, _, _, capture = check_all(
        functools.partial(select_device, FLAGS.device), choose_model, no_inputs, check_window,
        functools.partial(open_camera, FLAGS.webcam))
    stylizer = load_stylizer(model)
    print(f"{model} on {device}; q quits", file=sys.stderr)
    with progress_bar(None, "frame") as bar:
        show_webcam(stylizer, capture, chosen_options(), temporal=FLAGS.temporal,
                    on_frames=bar.update)


def progress_bar(total, unit, name=None):
    return tqdm(total=total, unit=unit, desc=name, disable=None, file=sys.stderr)


if __name__ == "__main__":
    run_main(main)
