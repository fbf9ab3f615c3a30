import codecs
import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.networks.perceptual import RANDOM_TAPER, build_perceptual_network, build_vgg19

PHOTO = np.random.RandomState(0).uniform(-1, 1, (1, 32, 40, 3)).astype(np.float32)
SHAPES = {
    f"conv{block}_{i}": None
    for block, n in ((1, 2), (2, 2), (3, 4), (4, 4))
    for i in range(1, n + 1)
}


@pytest.fixture(scope="module")
def vgg():
    return build_vgg19("random")


@pytest.fixture(scope="module")
def arrays(vgg):
    """The weights by the authors' names, with biases that are not all zero."""
    rng = np.random.RandomState(1)
    convolutions = [layer for layer in vgg.layers if layer.weights]
    return {
        name: [
            layer.get_weights()[0],
            rng.standard_normal(layer.get_weights()[1].shape).astype(np.float32),
        ]
        for name, layer in zip(SHAPES, convolutions)
    }


def write_npy(path, weights):
    np.save(path, np.array(weights, dtype=object), allow_pickle=True)


def expected_features(arrays):
    model = build_vgg19("random")
    for (name, pair), layer in zip(arrays.items(), [x for x in model.layers if x.weights]):
        assert layer.name == f"block{name[4]}_{name.replace(name[4] + '_', '')}"
        layer.set_weights(pair)
    return model(PHOTO).numpy()


def test_shapes_and_frozen(vgg):
    features = vgg(PHOTO)
    assert features.shape == (1, 4, 5, 512) and features.dtype == tf.float32
    assert not vgg.trainable_variables
    assert features.numpy().min() < 0, "taken before the ReLU"


def test_random_weights_are_calibrated_and_repeatable(vgg):
    again = build_vgg19("random")
    np.testing.assert_array_equal(vgg(PHOTO), again(PHOTO))
    for layer in vgg.layers:
        if layer.weights:
            taps = layer.get_weights()[0].std(axis=(2, 3))
            np.testing.assert_allclose(taps / taps[1, 1], RANDOM_TAPER, rtol=0.25)
    smooth = tf.image.resize(PHOTO[:, ::8, ::8], (64, 64))
    for layer in vgg.layers:
        if layer.weights:
            until = tf.keras.Model(vgg.input, layer.output)
            size = np.sqrt(np.mean(np.asarray(until(smooth)) ** 2))
            assert 50 / 3 < size < 50 * 3, layer.name


def test_authors_npy(arrays, tmp_path):
    write_npy(tmp_path / "vgg19.npy", {**arrays, "fc6": [np.zeros((2, 2)), np.zeros(2)]})
    model = build_vgg19(str(tmp_path / "vgg19.npy"))
    np.testing.assert_array_equal(model(PHOTO), expected_features(arrays))


def test_npy_of_python_2(arrays, tmp_path):
    """The authors' file was pickled by Python 2, with byte strings for keys."""
    content = pickle.dumps(dict(arrays), protocol=2)
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (117 - len(header)) + b"\n"
    path = tmp_path / "vgg19.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)
    np.testing.assert_array_equal(build_vgg19(str(path))(PHOTO), expected_features(arrays))


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def test_npy_runs_nothing(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_npy("vgg19.npy", {**arrays, "fc6": Malicious()})
    with pytest.raises(UserError, match="mkdir"):
        build_vgg19("vgg19.npy")
    assert not os.path.exists("owned")


@pytest.mark.parametrize(
    "layout",
    ["block{b}_conv{i}/block{b}_conv{i}_W_1:0", "block{b}_conv{i}/block{b}_conv{i}/kernel:0"],
)
def test_keras_applications_h5(arrays, tmp_path, layout):
    with h5py.File(tmp_path / "vgg19.h5", "w") as file:
        for name, (kernel, bias) in reversed(arrays.items()):
            key = layout.format(b=name[4], i=name[6])
            file[key] = kernel
            file[key.replace("_W_", "_b_").replace("kernel", "bias")] = bias
    model = build_vgg19(str(tmp_path / "vgg19.h5"))
    np.testing.assert_array_equal(model(PHOTO), expected_features(arrays))


def test_keras_weights_h5_of_a_whole_vgg19(tmp_path):
    """Sixteen convolutions, so that conv2d_10 comes after conv2d_9 and not after conv2d_1."""
    tf.keras.utils.set_random_seed(3)
    whole = tf.keras.applications.VGG19(include_top=False, weights=None)
    whole.save_weights(tmp_path / "vgg19.weights.h5")
    ours = build_vgg19(str(tmp_path / "vgg19.weights.h5"))
    for layer in ours.layers:
        if layer.weights:
            np.testing.assert_array_equal(
                layer.get_weights()[0], whole.get_layer(layer.name).get_weights()[0]
            )
    bgr = (PHOTO[..., ::-1] + 1) * 127.5 - [103.939, 116.779, 123.68]
    without_relu = tf.nn.conv2d(
        tf.keras.Model(whole.input, whole.get_layer("block4_conv3").output)(bgr),
        whole.get_layer("block4_conv4").kernel,
        1,
        "SAME",
    )
    np.testing.assert_allclose(ours(PHOTO), without_relu, atol=1e-3)


def test_wrong_files(arrays, tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    write_npy(tmp_path / "short.npy", {k: v for k, v in arrays.items() if k != "conv3_2"})
    wrong = {**arrays, "conv1_2": [arrays["conv1_1"][0], arrays["conv1_1"][1]]}
    write_npy(tmp_path / "wrong.npy", wrong)
    np.save(tmp_path / "plain.npy", np.zeros(3))
    for name, reason in {
        "missing.h5": "No such file",
        "text.h5": "can't be read",
        "short.npy": "conv3_2",
        "wrong.npy": "conv1_2 should be",
        "plain.npy": "not a dictionary",
    }.items():
        with pytest.raises(UserError, match=reason):
            build_vgg19(str(tmp_path / name))


class CallsNdarray:
    def __reduce__(self):
        return np.ndarray, ((10**12,),)


class Encodes:
    def __reduce__(self):
        return codecs.encode, ("x" * 100, "zip")


def external(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "conv2d/kernel", (3, 3, 3, 64), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
        )
        file["conv2d/bias"] = np.zeros(64, np.float32)


def gigantic(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("conv2d/kernel", (3, 3, 10**6, 10**6), "f4", chunks=(3, 3, 64, 64))
        file["conv2d/bias"] = np.zeros(64, np.float32)


@pytest.mark.parametrize(
    "make, name, reason",
    [
        (lambda path: write_npy(path, {"a": CallsNdarray()}), "a.npy", "can't be read"),
        (lambda path: write_npy(path, {"a": Encodes()}), "a.npy", "can't be read"),
        (lambda path: path.write_bytes(b"\x93NUMPY"), "a.npy", "can't be read"),
        (lambda path: path.write_bytes(b""), "a.npy", "can't be read"),
        (os.mkfifo, "a.npy", "not a regular file"),
        (os.mkfifo, "a.h5", "not a regular file"),
        (external, "a.h5", "has its numbers in another file"),
        (gigantic, "a.h5", r"conv1_1 should be .* but is \(3, 3, 1000000, 1000000\)"),
    ],
)
def test_files_that_strangers_made_are_refused(tmp_path, make, name, reason):
    make(tmp_path / name)
    with pytest.raises(UserError, match=reason):
        build_vgg19(str(tmp_path / name))


def test_imagenet_without_network_names_the_three_ways(tmp_path):
    """A real attempt: an empty cache, and a proxy that nobody answers at."""
    code = (
        "from animegan_tf.networks.perceptual import build_vgg19\n"
        "from animegan_tf.errors import UserError\n"
        "try:\n    build_vgg19('imagenet')\n"
        "except UserError as error:\n    print(error)\n"
    )
    environment = {
        **os.environ,
        "KERAS_HOME": str(tmp_path),
        "HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
    }
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "~/.keras/models" in shown and "vgg19.npy" in shown and "--vgg=random" in shown


def test_every_choice_gives_features_of_one_shape(monkeypatch, tmp_path):
    monkeypatch.setattr("animegan_tf.networks.hed.hed_weights", lambda: tmp_path / "hed.h5")
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "hed.h5", "w") as file:
        for block, (inputs, channels, count) in enumerate(
            ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3)), start=1
        ):
            for i in range(count):
                group = file.create_group(f"block{block}/layers/conv2d{f'_{i}' if i else ''}/vars")
                shape = (3, 3, channels if i else inputs, channels)
                group["0"] = rng.normal(0, 0.02, shape).astype(np.float32)
                group["1"] = np.zeros(channels, np.float32)
    photo = rng.uniform(-1, 1, (1, 20, 36, 3)).astype(np.float32)
    for name in ("random", "hed"):
        network = build_perceptual_network(name)
        features = network(photo)
        assert features.shape == (1, 3, 5, 512) and features.dtype == tf.float32
        assert network.trainable_variables == []


def test_random_features_are_good_enough_to_learn_from():
    """Fifteen steps of content loss alone bring a small generator toward its photo."""
    import dataclasses

    from animegan_tf.training.config import TrainConfig
    from animegan_tf.training.steps import TrainingState

    config = dataclasses.replace(TrainConfig(), width=8, init_learning_rate=2e-3)
    state = TrainingState.from_config(config, build_vgg19("random", width=16))
    photo = tf.image.resize(np.random.RandomState(5).uniform(-1, 1, (2, 4, 4, 3)), (32, 32))
    contents = [float(state.pretrain_step({"photo": photo})["content"]) for _ in range(15)]
    assert contents[-1] < 0.6 * contents[0]
