"""Keras files of generators: written, read, and refused where they are not what they should be."""

import contextlib
import io
import json
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf
from project import GOLDEN

from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import load_generator, pack_generator, save_generator

PHOTO = np.random.RandomState(0).uniform(-1, 1, (1, 24, 32, 3)).astype(np.float32)
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def small():
    tf.keras.utils.set_random_seed(0)
    return build_generator(8)


def test_saved_and_loaded(small, tmp_path):
    save_generator(small, tmp_path / "generator.keras")
    loaded = load_generator(tmp_path / "generator.keras")
    np.testing.assert_array_equal(loaded(PHOTO), small(PHOTO))
    assert [p.name for p in tmp_path.iterdir()] == ["generator.keras"]


def test_loads_a_file_that_the_other_keras_wrote():
    """tests/golden/keras{2,3}.keras: width 4, the same weights, written by either Keras."""
    outputs = [load_generator(GOLDEN / f"keras{n}.keras")(PHOTO).numpy() for n in (2, 3)]
    np.testing.assert_array_equal(*outputs)
    assert outputs[0].std() > 0.05


def test_saving_over_an_earlier_file_replaces_it_whole(small, tmp_path):
    path = tmp_path / "generator.keras"
    path.write_bytes(b"earlier")
    save_generator(small, path)
    assert load_generator(path).count_params() == small.count_params()


def test_loading_something_else_says_what_it_is(small, tmp_path):
    text = tmp_path / "text.keras"
    text.write_text("not a model")
    with pytest.raises(UserError, match="not a readable Keras file"):
        load_generator(text)
    with pytest.raises(UserError, match="No such file"):
        load_generator(tmp_path / "missing.keras")

    other = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(UserError, match="not an AnimeGAN generator"):
        load_generator(tmp_path / "other.keras")


def test_packed_weights_are_those_rounded_to_float16(small, tmp_path):
    pack_generator(small, tmp_path / "packed.keras")
    save_generator(small, tmp_path / "plain.keras")
    loaded = load_generator(tmp_path / "packed.keras")
    for weights, expected in zip(loaded.get_weights(), small.get_weights()):
        assert weights.dtype == np.float32
        np.testing.assert_array_equal(weights, expected.astype(np.float16).astype(np.float32))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["packed.keras", "plain.keras"]
    sizes = [(tmp_path / name).stat().st_size for name in ("packed.keras", "plain.keras")]
    assert sizes[0] < sizes[1] / 2


def test_packing_the_same_generator_gives_the_same_bytes(small, tmp_path):
    again = build_generator(8)
    again.set_weights(small.get_weights())
    for name, generator in (("a.keras", small), ("b.keras", again)):
        pack_generator(generator, tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_weights_beyond_float16_are_not_packed(small, tmp_path):
    large = build_generator(4)
    large.get_layer("b2_conv").set_weights([np.full((3, 3, 8, 8), 1e6, np.float32)])
    with pytest.raises(ValueError, match="b2_conv has weights that float16 can't hold"):
        pack_generator(large, tmp_path / "large.keras")
    assert list(tmp_path.iterdir()) == []


# Files that strangers made. All are made from the golden one, whose width is 4.


def golden_members():
    with zipfile.ZipFile(GOLDEN / "keras3.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(path, **members):
    """The golden file with other members: `config` and `weights`, or by name."""
    names = {"config": CONFIG, "weights": WEIGHTS}
    members = {names.get(name, name): content for name, content in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**golden_members(), **members}.items():
            archive.writestr(name, content)
    return path


def with_width(width):
    config = json.loads(golden_members()[CONFIG])
    for layer in config["config"]["layers"]:
        if layer["config"]["name"] == "b1_conv1":
            layer["config"]["filters"] = width
    return json.dumps(config)


@pytest.mark.parametrize(
    "width", ["4", None, [4], True, 4.0, 8.5, 0, -4, 5, 514, 10**5, 10**12, 1e30, float("nan")]
)
def test_an_impossible_width_is_refused(tmp_path, width):
    path = changed(tmp_path / "odd.keras", config=with_width(width))
    with pytest.raises(UserError, match="must be an even number from 2 to 512, not"):
        load_generator(path)


@pytest.mark.parametrize("width", [12, 512])
def test_weights_of_another_width_do_not_fit(tmp_path, width):
    path = changed(tmp_path / "odd.keras", config=with_width(width))
    with pytest.raises(UserError, match=r"weights do not fit.*has the shape"):
        load_generator(path)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "null",
        '"text"',
        "[]",
        "{}",
        '{"config": null}',
        '{"config": {}}',
        '{"config": {"layers": null}}',
        '{"config": {"layers": {"a": 1}}}',
        '{"config": {"layers": [1, 2]}}',
        '{"config": {"layers": "text"}}',
        '{"config": {"layers": [{"name": "b1_conv1"}]}}',
        '{"config": {"layers": [{"config": "text"}]}}',
        '{"config": {"layers": [{"config": {"name": "b1_conv1"}}]}}',
        "\xff\xfe",
        "1" * 10000,
    ],
)
def test_another_configuration_is_refused(tmp_path, config):
    path = changed(tmp_path / "odd.keras", config=config.encode("latin1"))
    with pytest.raises(UserError, match="not a readable Keras file"):
        load_generator(path)


def test_a_configuration_nested_too_deeply_is_refused(tmp_path):
    path = changed(tmp_path / "deep.keras", config="[" * 100_000 + "]" * 100_000)
    with pytest.raises(UserError, match="nested too deeply"):
        load_generator(path)


def test_members_that_unpack_to_more_than_a_generator_has_are_refused(tmp_path):
    zeros = bytes(50_000_000)
    with pytest.raises(UserError, match=r"config.json unpacks to 50,000,000 bytes; 1,000,000"):
        load_generator(changed(tmp_path / "a.keras", config=zeros))
    with pytest.raises(UserError, match=r"model.weights.h5 unpacks to 50,000,000 bytes; 4,0"):
        load_generator(changed(tmp_path / "b.keras", weights=zeros))


def test_a_member_that_unpacks_to_more_than_it_says_is_cut_off(tmp_path):
    path = changed(tmp_path / "liar.keras", config=bytes(50_000_000))
    content = bytearray(path.read_bytes())
    declared = struct.pack("<I", 50_000_000)
    while (at := content.find(declared)) >= 0:
        content[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a readable Keras file"):
        load_generator(path)


def test_an_archive_of_many_members_is_refused(tmp_path):
    path = changed(tmp_path / "many.keras", **{str(i): "" for i in range(200)})
    with pytest.raises(UserError, match="more members than a Keras file has"):
        load_generator(path)


def test_unusual_compression_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_LZMA) as archive:
        for name, content in golden_members().items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="compressed by an unusual method"):
        load_generator(tmp_path / "a.keras")


def test_names_that_lead_elsewhere_write_nothing(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = changed(inner / "a.keras", **{"../evil": "x", "/tmp/evil_of_a_keras_file": "x"})
    assert load_generator(path).count_params() == 19736
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.keras", "inner"]
    assert not os.path.exists("/tmp/evil_of_a_keras_file")


def test_code_in_a_configuration_is_not_run(tmp_path):
    ran = tmp_path / "ran"
    config = json.loads(golden_members()[CONFIG])
    for kind, function in (
        ("Lambda", f"lambda x: open({str(ran)!r}, 'w')"),
        ("Custom", f"__import__('os').system('touch {ran}')"),
    ):
        layer = {"class_name": kind, "config": {"name": kind, "function": function}}
        config["config"]["layers"].append({**layer, "module": "os", "registered_name": "system"})
    path = changed(tmp_path / "code.keras", config=json.dumps(config))
    assert load_generator(path).count_params() == 19736
    assert not ran.exists()


def changed_weights(change):
    """The golden weights with the first kernel's group changed by a function."""
    content = io.BytesIO(golden_members()[WEIGHTS])
    with h5py.File(content, "r+") as file:
        group = file["layers/conv2d/vars"]
        del group["0"]
        change(group)
    return content.getvalue()


SHAPE = (3, 3, 3, 4)


def virtual_dataset(group):
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[...] = h5py.VirtualSource("elsewhere.h5", "x", SHAPE)
    group.create_virtual_dataset("0", layout)


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda group: None, "/layers/conv2d/vars/0 is missing"),
        (lambda group: group.create_group("0"), "is not an array"),
        (
            lambda group: group.create_dataset("0", (3, 3, 3, 10**9), "f4", chunks=True),
            r"has the shape \(3, 3, 3, 1000000000\)",
        ),
        (lambda group: group.create_dataset("0", SHAPE, "i4"), "holds int32"),
        (lambda group: group.create_dataset("0", SHAPE, h5py.string_dtype()), "holds object"),
        (
            lambda group: group.create_dataset(
                "0", SHAPE, "f4", maxshape=(None,) * 4, chunks=(9, 99, 99, 99), compression="gzip"
            ),
            "has chunks larger than itself",
        ),
        (
            lambda group: group.create_dataset("0", SHAPE, "f4", compression="lzf"),
            "compressed by an unusual method",
        ),
        (
            lambda group: group.create_dataset(
                "0", SHAPE, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
            ),
            "has its numbers in another file",
        ),
        (virtual_dataset, "has its numbers in another file"),
        (
            lambda group: group.__setitem__("0", h5py.ExternalLink("/etc/passwd", "x")),
            "0 is a link to elsewhere",
        ),
        (lambda group: group.__setitem__("0", h5py.SoftLink("0")), "0 is a link to elsewhere"),
    ],
)
def test_other_arrays_are_refused(tmp_path, change, reason):
    path = changed(tmp_path / "odd.keras", weights=changed_weights(change))
    with pytest.raises(UserError, match=f"weights do not fit.*{reason}"):
        load_generator(path)


def test_damaged_weights_are_refused(tmp_path):
    whole = golden_members()[WEIGHTS]
    for content in (b"", b"text", whole[:1000], whole[: len(whole) // 2]):
        with pytest.raises(UserError, match="weights do not fit"):
            load_generator(changed(tmp_path / "odd.keras", weights=content))


def test_a_damaged_archive_is_refused(tmp_path):
    whole = (GOLDEN / "keras3.keras").read_bytes()
    rng = np.random.default_rng(0)
    for length in (0, 10, 21, 22, 1000, len(whole) - 1):
        (tmp_path / "cut.keras").write_bytes(whole[:length])
        with pytest.raises(UserError, match="not a readable Keras file"):
            load_generator(tmp_path / "cut.keras")
    for _ in range(20):  # The directory and the record at the end.
        content = np.frombuffer(whole, np.uint8).copy()
        at = rng.integers(len(content) - 300, len(content), 8)
        content[at] = rng.integers(0, 256, 8)
        (tmp_path / "flipped.keras").write_bytes(content)
        with contextlib.suppress(UserError):
            load_generator(tmp_path / "flipped.keras")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "loop.keras").symlink_to(tmp_path / "loop.keras")
    (tmp_path / "zero.keras").symlink_to("/dev/zero")
    for name, reason in (
        ("pipe.keras", "not a regular file"),
        ("zero.keras", "not a regular file"),
        ("loop.keras", "symbolic links"),
    ):
        with pytest.raises(UserError, match=reason):
            load_generator(tmp_path / name)
