"""The work of `animegan infer`; its flags are in `infer_flags`."""

from __future__ import annotations

import functools
import sys
import time

from tqdm import tqdm

from animegan_tf.cli.infer_flags import FLAGS
from animegan_tf.devices import select_device
from animegan_tf.errors import Finding, UserError, check_all
from animegan_tf.runs import newest_run
from animegan_tf.styling.pictures import ALL, Options, parse_shard, plan_jobs, stylize_files
from animegan_tf.styling.stylizer import Stylizer, find_model
from animegan_tf.styling.videos import plan_videos, split_inputs, stylize_video
from animegan_tf.styling.webcam import check_window, open_camera, show_webcam


def main(arguments: list[str]) -> int | None:
    inputs = arguments + FLAGS.input
    if FLAGS.webcam is not None:
        return run_webcam(inputs)
    pictures, videos = split_inputs(inputs)
    device, model, jobs, video_jobs, _ = check_all(
        functools.partial(select_device, FLAGS.device),
        choose_model,
        lambda: choose_pictures(pictures) if pictures or not videos else [],
        lambda: choose_videos(videos) if videos else [],
        check_resume,
    )
    jobs, video_jobs = left_to_do(jobs), left_to_do(video_jobs)
    stylizer = load_stylizer(model)
    print(f"{model} on {device}", file=sys.stderr)

    failures = run_pictures(stylizer, jobs) + run_videos(stylizer, video_jobs)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def choose_pictures(inputs):
    """The pictures to work on, checked."""
    return plan_jobs(
        inputs,
        output=FLAGS.output,
        suffix=FLAGS.suffix,
        format=FLAGS.format,
        overwrite=FLAGS.overwrite or FLAGS.resume,
        recursive=FLAGS.recursive,
        shard=chosen_shard(),
    )


def choose_videos(inputs):
    """The videos to work on, checked."""
    return plan_videos(
        inputs,
        output=FLAGS.output,
        suffix=FLAGS.suffix,
        codec=FLAGS.codec,
        crf=FLAGS.crf,
        start=FLAGS.start,
        duration=FLAGS.duration,
        sound=FLAGS.sound,
        overwrite=FLAGS.overwrite or FLAGS.resume,
        shard=chosen_shard(),
    )


def chosen_shard():
    return ALL if FLAGS.shard is None else parse_shard(FLAGS.shard)


def check_resume():
    if FLAGS.resume and FLAGS.overwrite:
        raise UserError(
            Finding(
                "--resume, --overwrite",
                "one keeps results that exist, the other replaces them",
                "Leave one of both out",
            )
        )


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
        raise UserError(
            Finding(
                "--style, --model",
                "exactly one of them is needed",
                "Give --style for a style trained here, or --model for a file",
            )
        )
    model = FLAGS.model or newest_run(
        FLAGS.style,
        "generator.keras",
        f"Train it: python train.py --style {FLAGS.style}; or give --model",
    )
    find_model(model)
    return model


def load_stylizer(model):
    limit = None if FLAGS.memory_limit is None else FLAGS.memory_limit * 1e9
    try:
        return Stylizer.load(
            model, precision=FLAGS.precision, memory_limit=limit, tile=FLAGS.tile or None
        )
    except ValueError as error:
        raise UserError(Finding("--tile, --memory_limit", str(error), "See --help")) from error


def chosen_options():
    return Options(
        strength=FLAGS.strength,
        keep_color=FLAGS.keep_color,
        match_brightness=FLAGS.match_brightness,
        compare=FLAGS.compare,
        max_side=FLAGS.max_side,
        quality=FLAGS.quality,
        stream_format=FLAGS.format or "png",
    )


def run_pictures(stylizer, jobs):
    """Stylizes pictures; returns what failed."""
    if not jobs:
        return []
    start = time.monotonic()
    with progress_bar(len(jobs), "picture") as bar:
        failures = stylize_files(
            stylizer,
            jobs,
            chosen_options(),
            batch_size=FLAGS.batch_size,
            on_done=lambda job, finding: bar.update(),
        )
    print(
        f"{len(jobs) - len(failures)} of {len(jobs)} pictures done in "
        f"{time.monotonic() - start:.1f} s",
        file=sys.stderr,
    )
    return failures


def run_videos(stylizer, jobs):
    """Stylizes videos; returns what failed."""
    failures, notes = [], set()

    def show_note(note):
        if note not in notes:
            tqdm.write(f"note: {note}", file=sys.stderr)
        notes.add(note)

    for job in jobs:
        start, counts = time.monotonic(), []
        with progress_bar(job.frames, "frame", job.source.name) as bar:
            failure = stylize_video(
                stylizer,
                job,
                chosen_options(),
                batch_size=FLAGS.batch_size,
                temporal=FLAGS.temporal,
                on_note=show_note,
                on_frames=lambda count: (counts.append(count), bar.update(count)),
            )
        if failure:
            failures.append(failure)
        else:
            print(
                f"{job.target}: {sum(counts)} frames in {time.monotonic() - start:.1f} s",
                file=sys.stderr,
            )
    return failures


def run_webcam(inputs):
    """Shows the camera's picture until the user has seen enough."""

    def no_inputs():
        if inputs:
            raise UserError(
                Finding(" ".join(inputs), "--webcam takes no files", "Leave one of both out")
            )

    device, model, _, _, capture = check_all(
        functools.partial(select_device, FLAGS.device),
        choose_model,
        no_inputs,
        check_window,
        functools.partial(open_camera, FLAGS.webcam),
    )
    stylizer = load_stylizer(model)
    print(f"{model} on {device}; q quits", file=sys.stderr)
    with progress_bar(None, "frame") as bar:
        show_webcam(
            stylizer, capture, chosen_options(), temporal=FLAGS.temporal, on_frames=bar.update
        )


def progress_bar(total, unit, name=None):
    return tqdm(total=total, unit=unit, desc=name, disable=None, file=sys.stderr)
