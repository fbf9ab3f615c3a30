#!/usr/bin/env python3
"""How much less a video flickers with --temporal, and with smoothed InstanceNorm statistics.

    python benchmarks/temporal.py --model runs/shinkai/1/generator.keras --video walk.mp4

Prints for each way of doing it, in gray levels between consecutive frames:

still: mean difference where the source hardly changes (below 2, blurred);
warped: mean difference after the frame before has been moved along the source's optical flow,
    where the source follows that flow;
sharpness: variance of the Laplacian by that of the plain results: what is lost of the strokes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import tensorflow as tf

from animegan_tf import images
from animegan_tf.cli.command import new_flags, run
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.networks.layers import InstanceNormalization
from animegan_tf.styling.effects import reduced_size
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.temporal import TemporalFilter
from animegan_tf.styling.video_files import open_reader, probe

FLAGS = new_flags()
flags.DEFINE_string("model", None, "generator.keras", required=True, flag_values=FLAGS)
flags.DEFINE_string("video", None, "file", required=True, flag_values=FLAGS)
flags.DEFINE_integer("frames", 24, "so many, from the beginning", lower_bound=2, flag_values=FLAGS)
flags.DEFINE_integer("max_side", 480, "longer side in pixels", flag_values=FLAGS)
flags.DEFINE_float("momentum", 0.9, "of the smoothed statistics", flag_values=FLAGS)


class SmoothedInstanceNormalization(tf.keras.layers.Layer):
    """`InstanceNormalization` by an exponential moving average over calls with one frame each."""

    def __init__(self, epsilon, momentum, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.momentum = epsilon, momentum

    def build(self, input_shape):
        def weight(name, shape, initializer, trainable=False):
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=trainable
            )

        channels = input_shape[-1]
        self.gamma = weight("gamma", (channels,), "ones", trainable=True)
        self.beta = weight("beta", (channels,), "zeros", trainable=True)
        self.moments = weight("moments", (2, channels), "zeros")
        self.seen = weight("seen", (), "zeros")
        super().build(input_shape)

    def call(self, inputs):
        mean, variance = tf.nn.moments(inputs, axes=[0, 1, 2])
        keep = self.momentum * tf.convert_to_tensor(self.seen)
        moments = keep * tf.convert_to_tensor(self.moments) + (1 - keep) * tf.stack(
            [mean, variance + mean**2]
        )
        self.moments.assign(moments)
        self.seen.assign(1.0)
        return tf.nn.batch_normalization(
            inputs,
            moments[0],
            moments[1] - moments[0] ** 2,
            tf.convert_to_tensor(self.beta),
            tf.convert_to_tensor(self.gamma),
            self.epsilon,
        )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def main(_):
    frames = read_frames()
    generator = load_generator(FLAGS.model)
    stylizer = Stylizer(generator)
    plain = np.stack([stylizer(frame) for frame in frames])
    smoothed = with_smoothed_statistics(generator)
    ways = {
        "plain": plain,
        "smoothed statistics": np.concatenate([smoothed(frame[None]) for frame in frames]),
        "--temporal": TemporalFilter()(frames, plain),
    }

    count, height, width, _ = frames.shape
    print(f"{count} frames of {width}x{height}")
    print(f"{'':20} still  warped  sharpness")
    for name, results in {"source": frames, **ways}.items():
        sharpness = f"{sharpness_of(results) / sharpness_of(plain):9.2f}" if name in ways else ""
        print(
            f"{name:20} {still_difference(frames, results):5.2f}  "
            f"{warped_difference(frames, results):6.2f}  {sharpness}"
        )


def read_frames():
    path = Path(FLAGS.video)
    reader = open_reader(path, probe(path))
    frames = []
    for frame in reader:
        size = reduced_size(*frame.rgb.shape[:2], FLAGS.max_side)
        frames.append(images.rescale(frame.rgb, *size))
        if len(frames) == FLAGS.frames:
            break
    reader.close()
    return np.stack(frames)


def with_smoothed_statistics(generator):
    def clone(layer):
        if isinstance(layer, InstanceNormalization):
            return SmoothedInstanceNormalization(layer.epsilon, FLAGS.momentum, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    network = tf.keras.models.clone_model(generator, clone_function=clone)
    for layer in generator.layers:
        copy, weights = network.get_layer(layer.name), layer.get_weights()
        copy.set_weights(weights + copy.get_weights()[len(weights) :])

    @tf.function
    def run(photos):
        return network(photos, training=False)

    def stylize(frames):
        height, width = frames.shape[1:3]
        padding = ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0))
        photos = np.pad(frames, padding, mode="reflect")
        return images.to_uint8(run(images.to_float(photos)).numpy())[:, :height, :width]

    return stylize


def consecutive(frames, results):
    for before, now, result_before, result in zip(frames, frames[1:], results, results[1:]):
        yield before, now, result_before.astype(np.float32), result.astype(np.float32)


def still_difference(frames, results):
    differences = []
    for before, now, result_before, result in consecutive(frames, results):
        change = cv2.absdiff(*(cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in (before, now)))
        still = change.max(axis=-1) < 2
        differences.append(np.abs(result - result_before)[still].mean())
    return np.mean(differences)


def warped_difference(frames, results):
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = frames.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    differences = []
    for before, now, result_before, result in consecutive(frames, results):
        flow = flow_of.calc(images.gray_of(now), images.gray_of(before), None)

        follows = np.abs(warp(before, grid + flow) - now).max(axis=-1) < 15
        differences.append(np.abs(result - warp(result_before, grid + flow))[follows].mean())
    return np.mean(differences)


def warp(picture, positions):
    return cv2.remap(
        picture.astype(np.float32),
        positions,
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def sharpness_of(results):
    """Without the first frames, which the filter has hardly changed yet."""
    return np.mean(
        [
            cv2.Laplacian(images.gray_of(result), cv2.CV_32F).var()
            for result in results[len(results) // 4 :]
        ]
    )


if __name__ == "__main__":
    sys.exit(run(main, FLAGS, sys.argv, usage=__doc__))
