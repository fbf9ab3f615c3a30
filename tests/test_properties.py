"""What holds for any picture: sizes, floats and bytes, edges, padding, files."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

from animegan_tf.data.edges import find_edges, smooth_edges
from animegan_tf.images import (
    encode_image,
    gray_of,
    read_gray,
    read_image,
    read_rgb_and_gray,
    rescale,
    resize,
    to_float,
    to_uint8,
)
from animegan_tf.networks.padding import MINIMUM, MULTIPLE, mirror_up, padded_size

SIDES = st.integers(1, 70)


@st.composite
def pictures(draw, least=1, channels=3):
    height, width = draw(st.integers(least, 70)), draw(st.integers(least, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (height, width, channels)
    if draw(st.booleans()):
        return rng.integers(0, 256, shape, np.uint8)
    coarse = rng.integers(0, 256, (1 + height // 8, 1 + width // 8, channels), np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width].copy()


@given(pictures(), SIDES, SIDES)
def test_resizing_keeps_to_the_size_and_to_the_range(picture, height, width):
    for change in (resize, rescale):
        for array in (picture, to_float(picture)):
            result = change(array, height, width)
            assert result.shape == (height, width, 3) and result.dtype == array.dtype
            assert result.min() >= array.min() - 1e-5 and result.max() <= array.max() + 1e-5


@given(st.integers(0, 255), SIDES, SIDES, SIDES, SIDES)
def test_one_color_stays_one_color(value, height, width, new_height, new_width):
    flat = np.full((height, width, 3), value, np.uint8)
    assert (rescale(flat, new_height, new_width) == value).all()
    if min(height, width) >= 3:
        assert (smooth_edges(flat, gray_of(flat)) == flat).all()


@given(pictures())
def test_bytes_come_back_from_floats_within_one_level(picture):
    values = to_float(picture)
    assert values.min() >= -1 and values.max() <= 1
    error = picture.astype(int) - to_uint8(values)
    assert error.min() >= 0 and error.max() <= 1  # Truncated, as the authors save.


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_any_float_becomes_a_byte(values):
    with np.errstate(over="ignore"):
        pixels = to_uint8(np.array(values, np.float32))
    for value, pixel in zip(values, pixels):
        assert pixel == 0 if value <= -1 else pixel == 255 if value >= 1 else True


@given(pictures(least=3))
def test_smoothing_changes_nothing_but_edges(picture):
    gray = gray_of(picture)
    smoothed = smooth_edges(picture, gray)
    assert smoothed.dtype == np.uint8 and smoothed.shape == picture.shape
    np.testing.assert_array_equal(smoothed[~find_edges(gray)], picture[~find_edges(gray)])
    assert smoothed.max() <= picture.max()


@given(pictures(least=3))
def test_smoothing_a_mirrored_picture_mirrors_the_result(picture):
    def mirrored(array):
        return array[:, ::-1].copy()

    gray = gray_of(picture)
    smoothed = smooth_edges(picture, gray)
    again = mirrored(smooth_edges(mirrored(picture), mirrored(gray)))
    # Canny itself breaks ties toward one side, so only where both found an edge.
    both = find_edges(gray) & mirrored(find_edges(mirrored(gray)))
    np.testing.assert_array_equal(smoothed[both], again[both])


@given(SIDES, SIDES)
def test_padded_sizes_are_the_least_that_the_generator_takes(height, width):
    for side, padded in zip((height, width), padded_size(height, width)):
        assert padded % MULTIPLE == 0 and padded >= max(side, MINIMUM)
        assert padded - side < MULTIPLE or padded == MINIMUM


@given(pictures())
def test_padding_and_cropping_give_the_picture_back(picture):
    height, width = picture.shape[:2]
    padded = mirror_up(picture)
    assert padded.shape[:2] == padded_size(height, width)
    np.testing.assert_array_equal(padded[:height, :width], picture)
    np.testing.assert_array_equal(padded, np.swapaxes(mirror_up(np.swapaxes(picture, 0, 1)), 0, 1))
    if padded.shape[0] > height > 1:
        np.testing.assert_array_equal(padded[height], padded[height - 2])
    assert set(map(tuple, padded.reshape(-1, 3))) == set(map(tuple, picture.reshape(-1, 3)))


@given(pictures(), st.sampled_from(["PNG", "BMP", "TIFF"]))
def test_lossless_files_give_the_picture_back(picture, format):
    rgb, gray = read_rgb_and_gray(encode_image(picture, format))
    np.testing.assert_array_equal(rgb, picture)
    np.testing.assert_array_equal(gray, gray_of(picture))


@given(pictures(channels=4), st.sampled_from(["PNG", "TIFF"]))
def test_lossless_files_keep_transparency(picture, format):
    rgb, alpha = picture[..., :3], picture[..., 3]
    image = read_image(encode_image(rgb, format, alpha))
    np.testing.assert_array_equal(image.rgb, rgb)
    np.testing.assert_array_equal(image.alpha, alpha)


@given(pictures(), st.sampled_from(["JPEG", "WEBP"]), st.integers(1, 100))
def test_lossy_files_keep_the_size(picture, format, quality):
    data = encode_image(picture, format, quality=quality)
    rgb, gray = read_rgb_and_gray(data)
    assert rgb.shape == picture.shape and gray.shape == picture.shape[:2]
    np.testing.assert_array_equal(gray, read_gray(data))
