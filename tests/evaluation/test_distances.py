"""Measures on pictures whose faults are known, because they were put there."""

import numpy as np
import pytest

from animegan_tf.evaluation.distances import (
    chroma_distance,
    content_distance,
    edge_strength,
    flat_share,
    invented,
)


def scene(size=96):
    """A light sky above dark land: flat but for one edge."""
    picture = np.full((size, size, 3), 0.6, np.float32)
    picture[size // 2 :] = -0.4
    return picture


def noisy(picture, amount, seed=0):
    noise = np.random.default_rng(seed).normal(0, amount, picture.shape)
    return np.clip(picture + noise, -1, 1).astype(np.float32)


def test_nothing_is_lost_or_made_up_where_the_result_is_the_photo():
    photo = scene()
    assert content_distance(photo, photo) == chroma_distance(photo, photo) == 0
    for name, value in invented(photo, photo).items():
        assert value == pytest.approx(0, abs=1e-4), name


def test_chroma_distance_sees_colors_and_not_light():
    photo = scene()
    assert chroma_distance(photo, photo * 0.5) < 0.1  # All gray.
    tinted = photo + np.float32([0.2, 0, -0.2])
    assert chroma_distance(photo, tinted) > 5


def test_content_distance_is_the_mean_absolute_difference():
    assert content_distance(np.zeros((2, 2, 4)), np.full((2, 2, 4), -3.0)) == 3


def test_noise_is_less_flat():
    assert flat_share(scene()) > 0.95
    assert flat_share(noisy(scene(), 0.1)) < 0.1


def test_a_stronger_edge_is_measured_as_such():
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::8] = -0.2
    assert edge_strength(stripes * 3) > 2 * edge_strength(stripes) > edge_strength(scene()) == 0


def test_worms_count_as_texture():
    found = invented(scene(), noisy(scene(), 0.05))
    assert found["texture"] > 1


def test_ringing_counts_beside_edges_alone():
    photo = scene()
    ringing = photo.copy()
    ringing[48 - 11 : 48 - 9] += 0.3  # Lines within reach of the edge.
    found = invented(photo, ringing)
    assert found["ringing"] > 10 * max(found["texture"], found["stripes"], 0.01)


def test_an_outline_at_the_edge_is_no_fault():
    outlined = scene()
    outlined[47:49] = -1
    assert max(invented(scene(), outlined).values()) < 0.35


def test_stripes_count_at_the_borders_alone():
    photo = scene()
    striped = photo.copy()
    striped[:2] += 0.3
    striped[:, -2:] += 0.3
    found = invented(photo, striped)
    assert found["stripes"] > 10 * max(found["texture"], found["ringing"], 0.01)


def test_a_photo_without_a_flat_place_leaves_nothing_to_measure():
    photo = noisy(np.zeros((64, 64, 3), np.float32), 0.3)
    assert all(np.isnan(value) for value in invented(photo, photo).values())
