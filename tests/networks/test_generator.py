import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.networks.frozen import layers_with_inputs
from animegan_tf.networks.generator import (
    ANIME,
    STAGES,
    WIDTH,
    build_generator,
    parameters_of,
    stage_of,
    width_of,
)
from animegan_tf.networks.layers import InstanceNormalization

PHOTO = np.random.RandomState(0).uniform(-1, 1, (1, 24, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    return build_generator(8)


def test_width_scales_every_channel(small):
    full = build_generator(16)
    for narrow, wide in zip(small.layers, full.layers):
        assert narrow.name == wide.name
        if narrow.name not in ("photo", "photo_pad", "b1_conv1_pad", "anime", "output_conv"):
            assert narrow.output.shape[-1] * 2 == wide.output.shape[-1], narrow.name


@pytest.mark.parametrize("height, width", [(8, 8), (9, 11), (32, 20), (33, 50)])
def test_output_size_is_floored_at_each_halving(small, height, width):
    output = small(tf.zeros((2, height, width, 3)))
    assert output.shape == (2, 4 * (height // 2 // 2), 4 * (width // 2 // 2), 3)
    assert output.dtype == tf.float32
    assert np.abs(output).max() <= 1


def test_stages_are_those_of_the_network(small):
    """Every layer belongs to one; scales, norms, and outputs are what the layers say."""
    graph = list(layers_with_inputs(small))
    values = {"photo": tf.zeros((1, 64, 96, 3))}
    for layer, inputs in graph:
        taken = [values[name] for name in inputs]
        values[layer.name] = layer(taken if len(taken) > 1 else taken[0])
    sizes = {name: tuple(value.shape[1:3]) for name, value in values.items()}

    normalized = [inputs[0] for layer, inputs in graph if isinstance(layer, InstanceNormalization)]
    said = [name for stage in STAGES for level in stage.normalized for name in level]
    assert len(normalized) == 40 and sorted(said) == sorted(normalized)
    for stage, following in zip(STAGES, [*STAGES[1:], None]):
        assert sizes[stage.output] == (64 // stage.scale, 96 // stage.scale)
        for name in (name for level in stage.normalized for name in level):
            assert stage_of(name) == stage and sizes[name] == sizes[stage.output]
        readers = {stage_of(layer.name) for layer, inputs in graph if stage.output in inputs}
        assert readers - {stage} == ({following} if following else set())
        adds = isinstance(small.get_layer(stage.output), tf.keras.layers.Add)
        assert stage.residual == (adds and not stage.name.endswith("_down"))
    assert {stage_of(name) for name in sizes} == {*STAGES, None}
    assert stage_of("photo") is stage_of(ANIME) is None
    assert stage_of("functional/m_r8_expand/Conv2D1").name == "m_r8"


def test_width_of_a_generator_is_the_one_it_was_built_with(small):
    assert width_of(small) == 8
    assert width_of(build_generator(4)) == 4


def test_parameters_of_a_width(small):
    assert parameters_of(WIDTH) == 3956096
    assert parameters_of(8) == small.count_params()


def test_initial_values():
    """Glorot uniform everywhere but the depthwise kernels of the inverted residual blocks."""
    tf.keras.utils.set_random_seed(0)
    model = build_generator(32)
    for layer in model.layers:
        if not layer.trainable_weights or layer.name.endswith("_norm"):
            continue
        kernel = layer.get_weights()[0]
        if layer.name.startswith("m_r") and layer.name.endswith("_depthwise"):
            assert np.abs(kernel).max() <= 0.04
            assert 0.016 < kernel.std() < 0.0195
        else:
            fan = np.prod(kernel.shape[:2]) * (kernel.shape[2] + kernel.shape[3])
            limit = np.sqrt(6 / fan)
            assert 0.9 * limit < np.abs(kernel).max() <= limit, layer.name
    norms = [layer for layer in model.layers if layer.name.endswith("_norm")]
    assert len(norms) == 40
    for layer in norms:
        np.testing.assert_array_equal(layer.gamma, np.ones(layer.gamma.shape))
        np.testing.assert_array_equal(layer.beta, np.zeros(layer.beta.shape))


def test_no_convolution_has_a_bias(small):
    assert not [v.name for v in small.weights if "bias" in v.name]


def test_mixed_precision_is_close_and_gives_float32(small):
    mixed = build_generator(8, "mixed_bfloat16")
    mixed.set_weights(small.get_weights())
    assert all(v.dtype == "float32" for v in mixed.variables)
    output = mixed(PHOTO)
    assert output.dtype == tf.float32
    assert np.abs(output - small(PHOTO)).mean() < 0.05
