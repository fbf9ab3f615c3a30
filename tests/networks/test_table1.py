import golden_values as golden
import pytest
import tensorflow as tf

from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.table1 import build_cartoongan_generator, measure, table


@pytest.mark.slow
def test_table_1():
    ours = measure(build_generator())
    reference = golden.values("table1")["generator_flops_256"]
    assert ours.parameters == 3956096
    assert ours.mebibytes == pytest.approx(15.09, abs=0.005)
    assert ours.flops == pytest.approx(
        reference["tf_1.15.5, placeholder [1,256,256,3], as built (initialiser ops included)"],
        rel=0.005,
    )
    assert ours.flops_of_old_profiler == pytest.approx(38.66e9, rel=0.005)
    theirs = measure(build_cartoongan_generator())
    assert theirs.parameters == 11124352
    assert theirs.flops == pytest.approx(108.98e9, rel=0.001)
    shown = table()
    assert "3,956,096" in shown and "1,128,800" in shown and "11,124,352" in shown


def test_a_convolution_counts_two_for_a_multiply_add():
    picture = tf.keras.Input((None, None, 3))
    model = tf.keras.Model(
        picture, tf.keras.layers.Conv2D(5, 3, padding="same", use_bias=False)(picture)
    )
    cost = measure(model, size=16)
    assert cost.flops == 2 * 16 * 16 * 3 * 3 * 3 * 5
    assert cost.parameters == 3 * 3 * 3 * 5


@pytest.mark.parametrize("width", [5, 514, 100_000])
def test_an_impossible_width_is_refused_before_work(command, width):
    done = command("table1", f"--width={width}")
    assert done.status == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and "--width" in done.stderr
