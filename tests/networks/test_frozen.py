import functools

import numpy as np
import pytest
import tensorflow as tf

from animegan_tf import build_generator
from animegan_tf.networks.frozen import constant_network, layers_with_inputs


@functools.cache
def random_generator(dtype="float32"):
    tf.keras.utils.set_random_seed(0)
    return build_generator(8, dtype)


def noise(*shape):
    return tf.constant(np.random.RandomState(0).uniform(-1, 1, shape), tf.float32)


@functools.cache
def constant(batch, batch_of_one=False, dtype="float32"):
    """The traced network that takes batches of this size."""
    network = constant_network(random_generator(dtype), batch_of_one=batch_of_one)
    return tf.function(network).get_concrete_function(tf.TensorSpec((batch, None, None, 3)))


@pytest.mark.parametrize("batch_of_one", [False, True])
@pytest.mark.parametrize("height, width", [(32, 32), (40, 24), (33, 31), (16, 20)])
def test_constant_network_equals_keras(batch_of_one, height, width):
    photos = noise(1 if batch_of_one else 2, height, width, 3)
    network = constant(1 if batch_of_one else None, batch_of_one)
    assert not network.variables
    np.testing.assert_allclose(network(photos), random_generator()(photos), atol=5e-4)


def test_batch_of_one_takes_the_fast_operations():
    def operations(batch_of_one):
        return {op.type for op in constant(1, batch_of_one).graph.get_operations()}

    assert {"MirrorPad", "SquaredDifference"} <= operations(False)
    assert "SquaredDifference" not in operations(True)
    assert {"GatherV2", "FusedBatchNormV3"} <= operations(True)


@pytest.mark.parametrize("batch_of_one", [False, True])
def test_bfloat16_computes_in_bfloat16_and_is_close(batch_of_one):
    photo = noise(1, 32, 32, 3)
    network = constant(1, batch_of_one, "mixed_bfloat16")
    dtypes = {op.outputs[0].dtype for op in network.graph.get_operations() if op.type == "Conv2D"}
    assert dtypes == {tf.bfloat16}
    anime = network(photo)
    assert anime.dtype == tf.float32
    expected = random_generator()(photo)
    psnr = 10 * np.log10(4 / np.mean((anime - expected) ** 2))
    assert psnr > 30  # Random weights; trained ones do better.


def test_layers_with_inputs_names_both_branches():
    inputs = {layer.name: names for layer, names in layers_with_inputs(random_generator())}
    assert inputs["b1_conv1_pad"] == ["photo"]
    assert inputs["b1_down"] == ["b1_down_strided_act", "b1_down_resized_act"]
