import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.exporting.parity import difference
from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.tflite.conversion import Variant, convert
from animegan_tf.exporting.tflite.equalize import equalize
from animegan_tf.exporting.tflite.metadata import operations_of
from animegan_tf.exporting.tflite.quantization import (
    FLOAT_FIRST,
    SEARCH_SIDE,
    Quantized,
    Quantizer,
    fewest_float,
    float_convolutions,
)
from animegan_tf.exporting.tflite.runtime import runner
from animegan_tf.images import to_float
from animegan_tf.networks.generator import STAGES


def test_equalized_network_is_the_same_with_even_channels(generator, photos):
    uneven = tf.keras.models.clone_model(generator)
    uneven.set_weights(generator.get_weights())
    gamma, beta = uneven.get_layer("u1_conv1_norm").get_weights()
    factors = 10.0 ** np.arange(len(gamma))[::-1] / 1e4
    uneven.get_layer("u1_conv1_norm").set_weights([gamma * factors, beta])
    equalized = equalize(uneven, photos)
    batch = to_float(np.stack(photos))
    np.testing.assert_allclose(equalized(batch), uneven(batch), atol=1e-4)

    def unevenness(model):
        inputs = tf.keras.Model(model.input, model.get_layer("u1_conv2").input)
        ranges = np.abs(inputs(batch)).max((0, 1, 2))
        return ranges.max() / ranges.min()

    assert unevenness(equalized) < unevenness(uneven) / 50
    changed = {
        layer.name
        for layer in uneven.layers
        if layer.weights
        and not np.allclose(
            layer.get_weights()[0], equalized.get_layer(layer.name).get_weights()[0]
        )
    }
    # The encoder's first output goes two ways, and the picture itself can't be scaled.
    assert {"u1_conv1_norm", "u1_conv2", "output_conv"} <= changed
    assert not {"b1_conv1", "b1_conv2_norm", "m_conv1"} & changed


@pytest.mark.parametrize("start", [0, 1, 5, 22])
@pytest.mark.parametrize("needed", [0, 1, 2, 3, 7, 21, 22])
def test_fewest_float_stages(needed, start):
    tried = []

    def quantize(stages):
        assert stages == FLOAT_FIRST[: len(stages)]
        tried.append(len(stages))
        return len(stages)

    content, stages = fewest_float(quantize, lambda count: count >= needed, start)
    assert content == len(stages) == max(needed, start)
    assert len(tried) <= 10


def test_fewest_float_stages_of_what_never_holds():
    assert fewest_float(len, lambda count: False) == (22, FLOAT_FIRST)


def test_stages_of_dynamic_int8_stay_float(generator, reference, photos):
    variant = Variant("dynamic_int8", 32, "float32")
    picture = fit(photos[0], 32, 32)

    def converted(stages):
        content = convert(float_convolutions(generator, stages), variant)
        result = runner(content, "float32")(picture)
        return operations_of(content), difference([(result, reference(picture))]).psnr

    operations, psnr = converted([])
    assert operations["CONV_2D"] == 33 and "CONV_3D" not in operations
    operations, better = converted(FLOAT_FIRST)
    assert operations["CONV_3D"] == 31 and operations["CONV_2D"] == 2  # m_r8's.
    assert better > psnr + 3


def test_all_stages_but_one_can_stay_float():
    assert sorted(FLOAT_FIRST) == sorted({stage.name for stage in STAGES} - {"m_r8"})


def test_a_file_does_not_depend_on_the_order_of_sizes(generator, reference, photos):
    needed = {SEARCH_SIDE: 3, 32: 9, 512: 1, None: 3}

    class Counting(Quantizer):
        def _fewest_float(self, variant, start):
            return Quantized(b"", FLOAT_FIRST[: max(start, needed[variant.side])], "")

    def counts(sizes):
        quantizer = Counting(generator, reference, photos)
        return {
            side: len(quantizer.quantize(Variant("int8", side, "float32")).float_stages)
            for side in sizes
        }

    assert counts([SEARCH_SIDE, 32, 512, None]) == {SEARCH_SIDE: 3, 32: 9, 512: 3, None: 3}
    assert counts([None, 512, 32]) == {None: 3, 512: 3, 32: 9}
