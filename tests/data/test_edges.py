"""Edge smoothing against the authors' tool (tests/golden/edge) and against its own definition."""

import json

import numpy as np
import pytest
from project import GOLDEN

from animegan_tf.data.edges import find_edges, smooth_edges
from animegan_tf.images import read_gray, read_rgb, resize
from animegan_tf.opencv import cv2

EDGES = GOLDEN / "edge"
PICTURES = ("synthetic", "synthetic_200x300")


def golden_input(name):
    path = EDGES / f"{name}_in.png"
    return resize(read_rgb(path), 256, 256), resize(read_gray(path), 256, 256)


def unpack(bits):
    return np.unpackbits(bits).reshape(256, 256).astype(bool)


@pytest.mark.parametrize("name", PICTURES)
def test_gray_and_masks_are_the_authors(name):
    _, gray = golden_input(name)
    counts = json.loads((EDGES / "edge_info.json").read_text())[name]
    with np.load(EDGES / "masks.npz") as masks:
        np.testing.assert_array_equal(gray, masks[f"{name}_gray"])
        np.testing.assert_array_equal(cv2.Canny(gray, 100, 200) > 0, unpack(masks[f"{name}_edges"]))
        np.testing.assert_array_equal(find_edges(gray), unpack(masks[f"{name}_dilated"]))
    assert find_edges(gray).sum() == counts["dilated_pixels"]


@pytest.mark.parametrize("name", PICTURES)
def test_smoothed_picture_is_the_authors(name):
    rgb, gray = golden_input(name)
    np.testing.assert_array_equal(smooth_edges(rgb, gray), read_rgb(EDGES / f"{name}_smooth.png"))


def test_edges_are_found_in_the_gray_reading():
    """A conversion of the colors, the plausible mistake, gives other edges."""
    rgb, gray = golden_input("synthetic")
    converted = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    assert (find_edges(converted) != find_edges(gray)).any()


def smooth_pixel_by_pixel(rgb, gray):
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    padded = np.pad(rgb, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    edges = cv2.dilate(cv2.Canny(gray, 100, 200), np.ones((5, 5), np.uint8))
    smoothed = rgb.copy()
    for y, x in zip(*np.nonzero(edges)):
        for channel in range(3):
            window = padded[y : y + 5, x : x + 5, channel]
            smoothed[y, x, channel] = int((window * kernel).sum())
    return smoothed


@pytest.mark.parametrize("height, width", [(48, 48), (33, 70), (3, 40)])
def test_equals_the_loop_over_pixels(height, width):
    rng = np.random.default_rng(height)
    rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    gray = rng.integers(0, 256, (height, width), np.uint8)
    expected = smooth_pixel_by_pixel(rgb, gray)
    np.testing.assert_array_equal(smooth_edges(rgb, gray), expected)
    assert (expected != rgb).any()


def test_a_picture_without_edges_stays_as_it_is():
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    smoothed = smooth_edges(ramp, ramp[..., 0].copy())
    np.testing.assert_array_equal(smoothed, ramp)
    assert not np.shares_memory(smoothed, ramp)
