"""From the inputs to a list of jobs, with everything that is wrong found before work begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from animegan_tf.errors import Finding, UserError
from animegan_tf.images import OUTPUT_EXTENSIONS
from animegan_tf.styling.jobs import (
    ALL,
    Job,
    check_targets,
    share_of,
    target_of,
    without_earlier_results,
)
from animegan_tf.styling.options import CONTAINERS
from animegan_tf.styling.sources import STREAM, Source, Sources, find_sources
from animegan_tf.styling.video_jobs import (
    WHOLE,
    VideoJob,
    VideoSettings,
    one_of,
    result_extension,
    video_job,
)
from animegan_tf.video import VideoError


class Plan(NamedTuple):
    """What is to be done, and what of the found videos can't be."""

    pictures: list[Job]
    videos: list[VideoJob]
    failures: list[Finding]


def plan_jobs(
    inputs: Sequence[str | os.PathLike],
    *,
    output: str | None = None,
    suffix: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
    recursive: bool = True,
    shard: slice = ALL,
    video: VideoSettings = WHOLE,
) -> Plan:
    """Finds pictures and videos, and a place for each result.

    With a `shard` only its part of the pictures and its part of the videos, both counted in the
    order of their paths inside the given folders. So machines that see the same files share them
    out without knowing of each other, also when some have begun to write before others look.

    Args:
        inputs: files, folders, patterns such as "photos/*.jpg", or "-" for standard input.
        output: a folder, in which the folders of the input are kept; a file, for one input;
            or "-" for standard output. None: beside the source.
        suffix: stands between name and extension; None: "_anime" beside the source, nothing in
            an output folder.
        format: of pictures, a key of `FORMATS`; None: the source's, or PNG where that can't be
            written. The extension of a video is its source's, or .mp4.
        overwrite: existing results are replaced.
        recursive: folders inside folders count.
        shard: from `parse_shard`.
        video: what is taken from videos and how results are encoded.

    Raises:
        UserError: nothing to do, or a result would be in the way of a file; all findings at once.
    """
    found = find_sources(inputs, recursive=recursive, output=output)
    findings = list(found.findings)
    failures: list[Finding] = []
    if found.videos:
        findings += video.findings()
    to_file = _is_file(output, inputs)
    findings += _wrong_output(output, to_file, found, shard)
    if to_file:
        findings += [
            Finding(f"--{flag}={value}", f"{output} is a file's whole name", "Leave it out")
            for flag, value in (("suffix", suffix), ("format", format))
            if value is not None
        ]
    folder = None if to_file else output

    pictures = []
    for source in found.pictures:
        if to_file:
            pictures.append(Job(source.path, Path(output or ""), overwrite))
        elif output == STREAM or (source.path is None and output is None):
            pictures.append(Job(source.path, None))
        elif source.path is not None:
            extension = _picture_extension(source.path, format)
            pictures.append(
                Job(source.path, target_of(source, extension, folder, suffix), overwrite)
            )
    videos = []
    for source in found.videos:
        assert source.path is not None
        extension = result_extension(source.path)
        target = Path(output or "") if to_file else target_of(source, extension, folder, suffix)
        try:
            job = video_job(source.path, target, video, overwrite)
        except VideoError as error:
            wrong = Finding(error.path, error.reason, "Give another file")
            (findings if source.named else failures).append(wrong)
            continue
        findings += job.findings()
        videos.append(job)
    if not to_file:
        pictures = without_earlier_results(pictures, found.pictures)
        videos = without_earlier_results(videos, found.videos)
    own_pictures = share_of(pictures, found.pictures, shard)
    own_videos = share_of(videos, found.videos, shard)
    findings += check_targets(
        [*pictures, *videos], [*own_pictures, *own_videos], overwrite=overwrite
    )
    if findings:
        raise UserError(findings)
    return Plan(own_pictures, own_videos, failures)


def plan_video(
    source: str | os.PathLike,
    target: str | os.PathLike | None = None,
    *,
    overwrite: bool = False,
    video: VideoSettings = WHOLE,
) -> VideoJob:
    """`plan_jobs` for one video; `target` is a file, None: beside the source.

    Raises:
        UserError: as `plan_jobs`.
    """
    path = Path(source)
    target = None if target is None else Path(target)
    if target is not None and target.suffix.lower() not in CONTAINERS:
        raise UserError(
            Finding(
                str(target),
                f"expected a name that ends with {one_of(CONTAINERS)}",
                "Give another name",
            )
        )
    found = Source(path, Path(path.name))
    try:
        job = video_job(
            path, target or target_of(found, result_extension(path), None, None), video, overwrite
        )
    except VideoError as error:
        raise UserError(Finding(error.path, error.reason, "Give another file")) from error
    findings = [
        *video.findings(),
        *job.findings(),
        *check_targets([job], [job], overwrite=overwrite),
    ]
    if findings:
        raise UserError(findings)
    return job


def _is_file(output: str | None, inputs: Sequence[str | os.PathLike]) -> bool:
    if output in (None, STREAM) or os.path.isdir(output) or output.endswith(("/", os.sep)):
        return False
    extension = Path(output).suffix.lower()
    is_known = extension in OUTPUT_EXTENSIONS | {".gif"} | CONTAINERS.keys()
    return is_known and not any(os.path.isdir(name) for name in inputs)


def _wrong_output(output: str | None, to_file: bool, found: Sources, shard: slice) -> list[Finding]:
    """What doesn't fit together: one place for many results, pictures in videos, shards of one."""
    findings = []
    count = len(found.pictures) + len(found.videos)
    kinds = [
        f"{len(sources)} {kind}"
        for sources, kind in ((found.pictures, "pictures"), (found.videos, "videos"))
        if sources
    ]
    if to_file and count > 1:
        findings.append(
            Finding(f"--output={output}", f"one file for {' and '.join(kinds)}", "Give a folder")
        )
    elif to_file and count:
        is_video = Path(output or "").suffix.lower() in CONTAINERS
        if is_video != bool(found.videos):
            findings.append(
                Finding(
                    f"--output={output}",
                    f"a {'video' if found.videos else 'picture'} can't be written to such a file",
                    "Give a name with another extension, or a folder",
                )
            )
    if output == STREAM and found.videos:
        findings.append(
            Finding("--output=-", "a video can't go to standard output", "Give a file or a folder")
        )
    elif output == STREAM and count > 1:
        findings.append(
            Finding("--output=-", f"one stream for {' and '.join(kinds)}", "Give a folder")
        )
    streams = [source for source in found.pictures if source.path is None]
    if streams and not (to_file or output == STREAM or (output is None and count == 1)):
        findings.append(
            Finding(
                "standard input",
                "it has no name to make the result's of",
                "Give --output=FILE or --output=-",
            )
        )
    if shard != ALL and (streams or output == STREAM):
        findings.append(
            Finding("--shard, -", "a standard stream can't be shared out", "Use only one of them")
        )
    return findings


def _picture_extension(source: Path, format: str | None) -> str:
    if format:
        return f".{format}"
    return source.suffix if source.suffix.lower() in OUTPUT_EXTENSIONS | {".gif"} else ".png"
