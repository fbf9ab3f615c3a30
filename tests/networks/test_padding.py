import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.networks.padding import mirror_up, mirror_up_in_graph, padded_size


@pytest.mark.parametrize(
    "size, padded", [((1, 1), (8, 8)), ((8, 9), (8, 12)), ((13, 3), (16, 8)), ((64, 96), (64, 96))]
)
def test_sides_become_multiples_of_four_from_eight(size, padded):
    assert padded_size(*size) == padded


def test_the_border_is_mirrored_without_the_edge():
    picture = np.arange(3 * 6 * 1, dtype=np.uint8).reshape(3, 6, 1)
    padded = mirror_up(picture)
    assert padded.shape == (8, 8, 1) and padded.dtype == np.uint8
    assert padded[0, :, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 3]
    assert padded[:, 0, 0].tolist() == [0, 6, 12, 6, 0, 6, 12, 6]
    assert mirror_up(padded) is padded
    assert mirror_up(picture[None], (4, 16)).shape == (1, 4, 16, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (3, 5), (7, 8), (8, 8), (13, 70)])
def test_a_graph_mirrors_as_the_array_does(size):
    run = tf.function(
        mirror_up_in_graph, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)]
    )
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_array_equal(run(picture), mirror_up(picture))
