"""Turns photos and videos into anime.

    python infer.py photo.jpg
    python infer.py photos/ --output anime/
    python infer.py --model Hayao-60.ckpt photo.jpg
    python infer.py --temporal --start 5 --duration 10 walk.mp4
    python infer.py --webcam 0

Inputs are files, folders, patterns, or - for standard input. Results stand beside their sources
(photo_anime.jpg) unless --output says otherwise. Exit status: 0 all done, 1 some failed or were
damaged (listed at the end), 2 nothing was begun.
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags
from animegan_tf.styling.options import CODECS, FORMATS, PRECISIONS

TAKES_ARGUMENTS = True
WHEN_INTERRUPTED = "Finished results are kept; go on with --resume."

FLAGS = new_flags()
flags.DEFINE_string(
    "style",
    None,
    "a style that was trained here (its newest finished run under runs/) or comes with the "
    "project; default: cel",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "model",
    None,
    "generator.keras, run folder, training checkpoint, SavedModel, .tflite file, folder of an "
    "export, or checkpoint of the authors' code",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "input",
    [],
    "file, folder, pattern or - (standard input); may be "
    "repeated; the same as an argument that is not a flag",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output",
    None,
    "folder, or file for one source, or - (standard output); default: beside the source",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "suffix",
    None,
    "stands between name and extension of results; default: _anime "
    "beside the source, nothing with --output",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "format",
    None,
    list(FORMATS),
    "format of pictures; default: the source's, or png; gif keeps animations",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "quality", 95, "of JPEG and WebP", lower_bound=1, upper_bound=100, flag_values=FLAGS
)
flags.DEFINE_bool(
    "overwrite", False, "replace existing results (never a source)", flag_values=FLAGS
)
flags.DEFINE_bool(
    "recursive", True, "take pictures and videos from folders inside folders", flag_values=FLAGS
)
flags.DEFINE_bool(
    "resume",
    False,
    "leave out sources whose results exist: go on with a folder that was interrupted",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "shard",
    None,
    "3/16: do only the third of sixteen equal parts of the pictures, and of the videos; other "
    "machines do the others",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "batch_size",
    1,
    "pictures of one size, or frames, that go through the network together",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_bool("compare", False, "photo and result side by side", flag_values=FLAGS)
flags.DEFINE_bool(
    "keep_color", False, "the photo's chroma with the result's luminance", flag_values=FLAGS
)
flags.DEFINE_bool(
    "match_brightness", False, "make the result as bright as the photo", flag_values=FLAGS
)
flags.DEFINE_bool(
    "match_color",
    False,
    "move the result's mean color to the photo's, so that a warm photo stays warm",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "fit_colors",
    False,
    "fit the result's colors and light to the photo's, by one map for the whole picture",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "strength",
    1.0,
    "1: the network's result, 0: the photo, between: a blend",
    lower_bound=0,
    upper_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_side",
    0,
    "reduce larger photos and videos to this longer side in pixels; 0: keep",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "tile",
    0,
    "work in tiles of this side in pixels, a multiple of 4; they share "
    "their statistics, so no seams show; 0: only where memory asks for it",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "memory_limit",
    None,
    "gigabytes that may be used; larger photos are done in tiles; default: half of what is free",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "webcam",
    None,
    "show what this camera sees, live in a window, until q is pressed; 0 is the first camera",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "codec", None, list(CODECS), "of videos; default: vp9 in .webm, else h264", flag_values=FLAGS
)
flags.DEFINE_integer(
    "crf",
    None,
    "quality of videos, lower is better; default: "
    + ", ".join(f"{codec.crf} ({name})" for name, codec in CODECS.items()),
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "start", 0, "seconds of a video to leave out at its beginning", flag_values=FLAGS
)
flags.DEFINE_float(
    "duration", None, "seconds of a video to take; default: up to its end", flag_values=FLAGS
)
flags.DEFINE_float(
    "target_fps",
    None,
    "leave out frames of videos so that this many a second stay; default: all, at their times",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "map",
    "sound",
    ["sound", "all"],
    "tracks of a video to copy beside its pictures: all includes subtitles",
    flag_values=FLAGS,
)
flags.DEFINE_bool("sound", True, "copy a video's sound", flag_values=FLAGS)
flags.DEFINE_bool(
    "temporal",
    False,
    "less flicker in videos: what holds still in the source holds still in the result",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "preview",
    None,
    "of each video write only a sheet of this many frames and their results, NAME_preview.jpg",
    lower_bound=1,
    upper_bound=100,
    flag_values=FLAGS,
)
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or gpu:N", flag_values=FLAGS)
flags.DEFINE_enum(
    "precision",
    "float32",
    list(PRECISIONS),
    "bfloat16 is faster where the processor has it, and slightly less exact",
    flag_values=FLAGS,
)

FOR_VIDEOS = (
    *("codec", "crf", "start", "duration", "sound", "map", "target_fps", "temporal", "preview"),
)
FOR_PICTURES = ("format", "quality")
FOR_FOLDERS = ("recursive",)
FOR_CAMERA = {
    *("style", "model", "device", "precision", "memory_limit", "tile", "webcam"),
    *("strength", "keep_color", "match_brightness", "match_color", "fit_colors"),
    *("compare", "max_side", "temporal"),
}
"""The flags that do something only for some inputs, or do something for a camera."""
