"""The work of `animegan infer`; its flags are in `infer_flags`."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from animegan_tf import styles
from animegan_tf.cli.infer_flags import FLAGS, FOR_CAMERA, FOR_FOLDERS, FOR_PICTURES, FOR_VIDEOS
from animegan_tf.cli.models import ChosenModel, choose_model
from animegan_tf.cli.progress import Progress, in_words, write_line
from animegan_tf.devices import select_device
from animegan_tf.errors import Finding, UserError, check_all, printable
from animegan_tf.styling.jobs import ALL, HasTarget, Job, check_room_for, parse_shard
from animegan_tf.styling.options import Options
from animegan_tf.styling.pictures import stylize_files
from animegan_tf.styling.plan import Plan, plan_jobs
from animegan_tf.styling.preview import preview_of, preview_video
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.video_jobs import VideoJob, VideoSettings
from animegan_tf.styling.videos import stylize_video
from animegan_tf.styling.webcam import check_window, open_camera, show_webcam

AnyJob = TypeVar("AnyJob", bound=HasTarget)


def main(arguments: list[str]) -> int:
    inputs = arguments + FLAGS.input
    if FLAGS.webcam is not None:
        run_webcam(inputs)
        return 0
    device, model, plan, _ = check_all(
        functools.partial(select_device, FLAGS.device),
        chosen_model,
        functools.partial(chosen_plan, inputs),
        check_resume,
    )
    pictures, videos = left_to_do(plan.pictures), left_to_do(plan.videos)
    stylizer = load_stylizer(model)
    options = chosen_options(model)
    print(f"{model.words}, on {device}", file=sys.stderr)

    failures = plan.failures + run_pictures(stylizer, pictures, options)
    failures += (run_previews if FLAGS.preview else run_videos)(stylizer, videos, options)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def chosen_model() -> ChosenModel:
    """The network to use, checked to be one."""
    return choose_model(FLAGS.style, FLAGS.model, default=styles.DEFAULT)


def chosen_plan(inputs: Sequence[str]) -> Plan:
    """What there is to do, checked."""
    plan = plan_jobs(
        inputs,
        output=FLAGS.output,
        suffix=FLAGS.suffix,
        format=FLAGS.format,
        overwrite=FLAGS.overwrite or FLAGS.resume,
        recursive=FLAGS.recursive,
        shard=ALL if FLAGS.shard is None else parse_shard(FLAGS.shard),
        video=VideoSettings(
            FLAGS.codec,
            FLAGS.crf,
            FLAGS.start,
            FLAGS.duration,
            FLAGS.sound,
            FLAGS.map == "all",
            FLAGS.target_fps,
        ),
    )
    if not plan.videos:
        refuse(FOR_VIDEOS, "it is for videos, and there are none")
    if not plan.pictures:
        refuse(FOR_PICTURES, "it is for pictures, and there are none")
    if FLAGS.preview:
        check_previews(plan.videos)
    if not FLAGS.max_side:  # Else results are smaller than their sources.
        check_room_for([*plan.pictures, *plan.videos])
    if not any(map(os.path.isdir, inputs)):
        refuse(FOR_FOLDERS, "it is for folders, and none is given")
    return plan


def refuse(names: Iterable[str], reason: str) -> None:
    """Makes sure that flags that would do nothing have not been given."""
    given = [name for name in names if FLAGS[name].present]
    if given:
        raise UserError(Finding(f"--{name}", reason, "Leave it out") for name in given)


def check_resume() -> None:
    if FLAGS.resume and FLAGS.overwrite:
        raise UserError(
            Finding(
                "--resume, --overwrite",
                "one keeps results that exist, the other replaces them",
                "Use only one of them",
            )
        )


def left_to_do(jobs: list[AnyJob]) -> list[AnyJob]:
    """With --resume, the jobs without a result; a result is there as a whole or not at all."""
    if not FLAGS.resume or not jobs:
        return jobs
    left = [job for job in jobs if job.target is None or not job.target.exists()]
    print(f"{len(jobs) - len(left)} of {len(jobs)} results exist", file=sys.stderr)
    return left


def load_stylizer(model: ChosenModel) -> Stylizer:
    limit = None if FLAGS.memory_limit is None else FLAGS.memory_limit * 1e9
    try:
        return Stylizer.load(
            model.file.path, precision=FLAGS.precision, memory_limit=limit, tile=FLAGS.tile or None
        )
    except ValueError as error:
        raise UserError(Finding("--tile, --memory_limit", str(error), "See --help")) from error


def chosen_options(model: ChosenModel) -> Options:
    """What the flags ask for; where they are silent, what suits a style that comes with us."""
    given: Mapping = {
        name: FLAGS[name].value
        for name in Options().effects
        if FLAGS[name].present or name not in model.options
    }
    return Options(
        **{**model.options, **given},
        compare=FLAGS.compare,
        max_side=FLAGS.max_side,
        quality=FLAGS.quality,
        stream_format=FLAGS.format or "png",
    )


def run_pictures(stylizer: Stylizer, jobs: list[Job], options: Options) -> list[Finding]:
    """Stylizes pictures; returns what failed."""
    if not jobs:
        return []
    animations: dict[Job, Progress] = {}

    def show_frames(job, count, total):
        if job not in animations:
            animations[job] = Progress(total, "frame", printable(job))
        animations[job].update(count)

    def show_done(job, finding):
        if job in animations:
            animations.pop(job).close()
        progress.update()

    with Progress(len(jobs), "picture") as progress:
        try:
            failures = stylize_files(
                stylizer,
                jobs,
                options,
                batch_size=FLAGS.batch_size,
                on_done=show_done,
                on_frames=show_frames,
            )
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"{progress.done} of {len(jobs)} pictures done") from stop
    print(
        f"{len(jobs) - len(failures)} of {len(jobs)} pictures done in {in_words(progress.seconds)}",
        file=sys.stderr,
    )
    return failures


def run_videos(stylizer: Stylizer, jobs: list[VideoJob], options: Options) -> list[Finding]:
    """Stylizes videos; returns what failed."""
    failures: list[Finding] = []
    notes: set[str] = set()

    def show_note(note):
        if note not in notes:
            write_line(f"note: {printable(note)}")
        notes.add(note)

    for number, job in enumerate(jobs):
        with Progress(job.frames, "frame", printable(job.source.name)) as progress:
            try:
                failure = stylize_video(
                    stylizer,
                    job,
                    options,
                    batch_size=FLAGS.batch_size,
                    temporal=FLAGS.temporal,
                    on_note=show_note,
                    on_frames=progress.update,
                )
            except KeyboardInterrupt as stop:
                raise KeyboardInterrupt(f"{number} of {len(jobs)} videos done") from stop
        if failure:
            failures.append(failure)
        else:
            print(
                f"{printable(job.target)}: {progress.done} frames in {in_words(progress.seconds)}",
                file=sys.stderr,
            )
    return failures


def run_previews(stylizer: Stylizer, jobs: list[VideoJob], options: Options) -> list[Finding]:
    """Writes a sheet for each video; returns what failed."""
    failures = []
    for job in jobs:
        failure = preview_video(stylizer, job, options, count=FLAGS.preview)
        if failure:
            failures.append(failure)
        else:
            print(f"{printable(preview_of(job))}: {FLAGS.preview} frames", file=sys.stderr)
    return failures


def check_previews(jobs: list[VideoJob]) -> None:
    """Makes sure that no file stands where a sheet goes."""
    taken = [preview_of(job) for job in jobs if os.path.lexists(preview_of(job))]
    if taken and not FLAGS.overwrite:
        remedy = "Give --overwrite, or another --output"
        raise UserError(Finding(str(path), "exists already", remedy) for path in taken)


def run_webcam(inputs: list[str]) -> None:
    """Shows the camera's picture until the user has seen enough."""

    def check_flags():
        if inputs:
            raise UserError(
                Finding(" ".join(inputs), "--webcam takes no files", "Use only one of them")
            )
        refuse(
            set(FLAGS) - FOR_CAMERA - {"input", "help", "h"},
            "it is for files, and --webcam shows a camera",
        )

    device, model, _, _, capture = check_all(
        functools.partial(select_device, FLAGS.device),
        chosen_model,
        check_flags,
        check_window,
        functools.partial(open_camera, FLAGS.webcam),
    )
    stylizer = load_stylizer(model)
    print(f"{model.words}, on {device}; q quits", file=sys.stderr)
    with Progress(None, "frame") as progress:
        try:
            show_webcam(
                stylizer,
                capture,
                chosen_options(model),
                temporal=FLAGS.temporal,
                on_frames=progress.update,
            )
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"{progress.done} frames shown", "") from stop
