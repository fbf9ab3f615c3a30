"""Takes a style's pictures from films.

    animegan frames film.mkv --output dataset/MyStyle/style
    animegan frames season1/ --output dataset/MyStyle/style --skip_start 90 --skip_end 90

The sharpest frames of each shot, spread over the films; without near copies, fades, credits on a
plain ground, black bars, and, where a shot has others, subtitles. Beside the output,
NAME_frames.txt says what was taken and NAME_frames.jpg shows it. Inputs are films and folders of
films. Exit status: 0 all done, 1 a film was damaged (frames are taken of what can be read) or no
frame was fit, 2 nothing was begun.
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

NEEDS_TENSORFLOW = False
TAKES_ARGUMENTS = True
WHEN_INTERRUPTED = "Nothing is left behind; run it again."

FLAGS = new_flags()
flags.DEFINE_string(
    "output",
    None,
    "folder for the frames, empty or not there yet, such as dataset/MyStyle/style",
    flag_values=FLAGS,
)
flags.DEFINE_integer("count", 1500, "frames to take of all films, at most", flag_values=FLAGS)
flags.DEFINE_float(
    "skip_start", 0, "seconds of each film to leave out at its beginning", flag_values=FLAGS
)
flags.DEFINE_float("skip_end", 0, "seconds of each film to leave out at its end", flag_values=FLAGS)
flags.DEFINE_float(
    "crop_bottom",
    0,
    "percent of the height to cut off below, for subtitles that are always there",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "min_brightness", 20, "leave out frames of a lower mean brightness, of 255", flag_values=FLAGS
)
flags.DEFINE_integer(
    "seed", 0, "another seed takes others where there are too many", flag_values=FLAGS
)
