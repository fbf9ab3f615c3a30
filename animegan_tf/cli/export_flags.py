"""Exports a style for servers, phones, and browsers: `python export.py --style shinkai`.

python export.py --style shinkai --tflite --tflite_io uint8
python export.py --model Hayao-60.ckpt --savedmodel --name hayao
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Files called ok are in place, and nothing half-written is left; run it again."

PRECISIONS = ["float32", "float16", "dynamic_int8", "int8"]

FLAGS = new_flags()
flags.DEFINE_string(
    "style", None, "take the newest finished run of this style under runs/", flag_values=FLAGS
)
flags.DEFINE_string(
    "model",
    None,
    "generator.keras, run folder, training checkpoint, or checkpoint of the authors' code",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "name",
    None,
    "what the export is called, also on the server; default: the style",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output", None, "folder of the export; default: exports/<name>", flag_values=FLAGS
)
flags.DEFINE_bool(
    "savedmodel", False, "write a SavedModel for TensorFlow Serving", flag_values=FLAGS
)
flags.DEFINE_bool("tflite", False, "write TFLite files for phones", flag_values=FLAGS)
flags.DEFINE_bool(
    "onnx",
    False,
    "write an ONNX file (pip install 'animegan-tf[onnx]'). Without "
    "--savedmodel, --tflite and --onnx all three are written",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "web",
    False,
    "write a browser page that runs the style (needs npm and animegan-tf[onnx])",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_request_pixels",
    25_000_000,
    "the SavedModel refuses encoded pictures of more pixels, before they are decoded; at width 64 "
    "the network takes up to 2.8 kB of memory for each pixel",
    lower_bound=64,
    upper_bound=10**9,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "tflite_io",
    "float32",
    ["float32", "uint8"],
    "what TFLite files take and give: "
    "RGB in [-1, 1], or RGB in 0..255 with scaling and clipping in the graph",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "tflite_sizes",
    ["256", "512", "any"],
    "height and width of TFLite files: "
    "multiples of 4 from 8 to 8192, or any; GPU and NPU delegates need fixed ones",
    flag_values=FLAGS,
)
flags.DEFINE_multi_enum(
    "tflite_precision",
    PRECISIONS,
    PRECISIONS,
    "number format of TFLite files; may be repeated",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "fit_colors",
    None,
    "end the exported networks with a map that fits the result's colors and light to the photo's; "
    "default: as the card of a shipped style says, no for other models",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "photos",
    None,
    "folder of photos to calibrate int8 with and to compare on; "
    "default: those of the training run, or drawn ones where they are gone",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "calibration_photos",
    16,
    "photos of 256x256 that int8 is calibrated with; more are more exact and take longer",
    lower_bound=2,
    upper_bound=10_000,
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "compare_models",
    [],
    "generator.keras of lighter trainings, for a table of "
    "their weight, speed and closeness in the report",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "allow_lossy",
    False,
    "put files in place that differ from the Keras model by more than their limit",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "device", "cpu", "what checks run on: auto, cpu, gpu or gpu:N", flag_values=FLAGS
)
