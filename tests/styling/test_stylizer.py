"""Stylizer: arrays in and out, every kind of file it loads, tiles."""

import threading
import zipfile

import golden_values
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf import images
from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.networks.tf1_checkpoint import generator_variable_names
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.tiles import TiledGenerator

PLENTY = 1e12


def photo(height, width, seed=0):
    """Soft blobs with a strong change of brightness from side to side, and some grain."""
    rng = np.random.default_rng(seed)
    blobs = images.resize(rng.uniform(0, 255, (6, 6, 3)).astype(np.float32), height, width)
    slope = np.linspace(-80, 80, width, dtype=np.float32)[None, :, None]
    return np.clip(blobs + slope + rng.normal(0, 9, blobs.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def generator():
    tf.keras.utils.set_random_seed(5)
    return build_generator(8)


@pytest.fixture(scope="module")
def stylizer(generator):
    return Stylizer(generator, memory_limit=PLENTY)


@pytest.fixture(scope="module")
def tiles(generator):
    return TiledGenerator(generator)


@pytest.fixture(scope="module")
def limited(generator):
    """Has memory for 200x200 pixels as a whole."""
    return Stylizer(generator, memory_limit=0.715e9)


def directly(generator, pictures):
    return images.to_uint8(generator(images.to_float(pictures)).numpy())


def assert_close(actual, expected, limit=1):
    assert actual.dtype == np.uint8 and actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected).max() <= limit


def psnr(actual, expected):
    assert actual.shape == expected.shape and actual.dtype == np.uint8
    return 10 * np.log10(255**2 / np.mean((actual.astype(float) - expected) ** 2))


def test_result_is_the_networks(generator, stylizer):
    picture = photo(24, 36)
    assert_close(stylizer(picture), directly(generator, picture[None])[0])


def test_odd_sizes_are_mirrored_and_cropped(generator, stylizer):
    picture = photo(30, 21)
    mirrored = np.pad(picture, ((0, 2), (0, 3), (0, 0)), mode="reflect")
    assert_close(stylizer(picture), directly(generator, mirrored[None])[0, :30, :21])


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 20000), (3, 4), (63, 65)])
def test_result_has_exactly_the_photos_size(stylizer, size):
    assert stylizer(photo(*size)).shape == (*size, 3)


def test_batch_gives_what_single_pictures_give(stylizer):
    batch = np.stack([photo(20, 27, seed) for seed in range(3)])
    assert_close(stylizer(batch), np.stack([stylizer(picture) for picture in batch]))
    assert stylizer(batch[:0]).shape == (0, 20, 27, 3)


def test_arrays_of_another_kind_are_refused(stylizer):
    with pytest.raises(TypeError, match="uint8, not float32"):
        stylizer(np.zeros((8, 8, 3), np.float32))
    for shape in [(8, 8), (8, 8, 4), (1, 1, 8, 8, 3), (0, 8, 3)]:
        with pytest.raises(ValueError, match="pictures must be"):
            stylizer(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="strength must be"):
        stylizer(photo(8, 8), strength=1.5)


def test_strength_blends_with_the_photo(stylizer):
    picture = photo(16, 16)
    anime = stylizer(picture)
    np.testing.assert_array_equal(stylizer(picture, strength=0), picture)
    assert_close(
        stylizer(picture, strength=0.25),
        (0.25 * anime.astype(float) + 0.75 * picture).round().astype(np.uint8),
    )


def test_keep_color_takes_only_the_luminance(stylizer):
    picture = np.full((16, 24, 3), (120, 128, 140), np.uint8)
    picture[:, 12:] = (140, 120, 110)
    anime, kept = stylizer(picture), stylizer(picture, keep_color=True)
    luma = np.array([0.299, 0.587, 0.114])
    inside = (kept > 0).all(-1) & (kept < 255).all(-1)  # Elsewhere the color would be clipped.
    assert inside.mean() > 0.3
    np.testing.assert_allclose((kept @ luma)[inside], (anime @ luma)[inside], atol=1.5)
    np.testing.assert_allclose(
        (kept[..., 0] - kept @ luma)[inside], (picture[..., 0] - picture @ luma)[inside], atol=2
    )


def test_match_brightness_is_the_authors(stylizer):
    picture = photo(16, 24)
    np.testing.assert_array_equal(
        stylizer(picture, match_brightness=True),
        images.match_brightness(picture, stylizer(picture)),
    )


def test_calls_from_many_threads(stylizer, limited):
    pictures = [photo(200 + 4 * n, 210, n) for n in range(3)]
    expected = [stylizer(picture) for picture in pictures]
    results = {}

    def work(n):
        results[n] = stylizer(pictures[n]), limited(pictures[n])

    threads = [threading.Thread(target=work, args=[n]) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(3):
        np.testing.assert_array_equal(results[n][0], expected[n])
        assert psnr(results[n][1], expected[n]) > 50


@pytest.mark.parametrize(
    "size, tile",
    [((136, 200), 64), ((72, 304), 64), ((132, 68), 128), ((8, 260), 64), ((264, 12), 32)],
)
@pytest.mark.parametrize("short_steps", [True, False])
def test_tiles_give_the_whole_pictures_result(tiles, stylizer, size, tile, short_steps):
    tiled = tiles(photo(*size), tile, short_steps=short_steps)
    assert psnr(tiled, stylizer(photo(*size))) > 50


def test_a_tile_alone_would_give_something_else(stylizer):
    picture = photo(136, 200)
    assert psnr(stylizer(picture[:, :64]), stylizer(picture)[:, :64]) < 25


def test_feature_maps_may_lie_in_a_file(tiles, stylizer):
    picture = photo(96, 104)
    tiled = tiles(picture, 64, short_steps=False, features_in_memory=False)
    assert psnr(tiled, stylizer(picture)) > 50


def test_tiles_are_chosen_where_the_whole_would_not_fit(stylizer, limited):
    assert stylizer.tile_for(210, 301) is None
    assert limited.tile_for(100, 100) is None
    assert 64 <= limited.tile_for(210, 301) < 210
    assert psnr(limited(photo(210, 301)), stylizer(photo(210, 301))) > 50
    assert limited.tile_for(4000, 6000) == 64


def test_a_tile_that_is_given_is_taken(generator):
    tiled = Stylizer(generator, memory_limit=PLENTY, tile=96)
    assert tiled.tile_for(70, 301) == 96


def test_impossible_limits_are_refused(generator):
    with pytest.raises(ValueError, match="multiple of 4 from 64, not 66"):
        Stylizer(generator, tile=66)
    with pytest.raises(ValueError, match=r"0\.10 GB is too little"):
        Stylizer(generator, memory_limit=1e8)
    for limit in (float("nan"), -1):
        with pytest.raises(ValueError, match="memory_limit must be above"):
            Stylizer(generator, memory_limit=limit)
    endless = Stylizer(generator, memory_limit=float("inf"))
    assert endless(photo(8, 8)).shape == (8, 8, 3)


# What load takes


def run_folder(generator, folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_generator(generator, folder / "generator.keras")
    return folder


def training_checkpoint(folder, **networks):
    tf.train.Checkpoint(**networks, step=tf.Variable(7)).write(str(folder / "checkpoint"))
    return folder


@pytest.fixture(scope="module")
def exportable():
    """A picture-to-picture network that is exported in no time."""
    tf.keras.utils.set_random_seed(5)
    inputs = tf.keras.Input((None, None, 3))
    return tf.keras.Model(
        inputs, tf.keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(inputs)
    )


def saved_model(network, folder):
    def photos_to_anime(photo):
        return {"anime": network(photo)}

    module = tf.Module()
    module.network = network
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, "photo")
    tf.saved_model.save(module, str(folder), signatures=tf.function(photos_to_anime, [spec]))
    return folder


def tflite(network, path, size=(None, None)):
    inputs = tf.keras.Input((*size, 3), batch_size=1)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(inputs, network(inputs)))
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize("kind", ["model", "file", "run", "folder", "prefix", "index"])
def test_load_finds_out_what_it_is(generator, stylizer, tmp_path, kind):
    path = {
        "model": lambda: generator,
        "file": lambda: run_folder(generator, tmp_path / "1") / "generator.keras",
        "run": lambda: run_folder(generator, tmp_path / "1"),
        "folder": lambda: training_checkpoint(tmp_path, generator=generator),
        "prefix": lambda: training_checkpoint(tmp_path, generator=generator) / "checkpoint",
        "index": lambda: training_checkpoint(tmp_path, generator=generator) / "checkpoint.index",
    }[kind]()
    picture = photo(16, 20)
    np.testing.assert_array_equal(Stylizer.load(path)(picture), stylizer(picture))


def test_load_prefers_the_averaged_weights(generator, stylizer, tmp_path):
    training_checkpoint(tmp_path, generator=build_generator(8), ema=generator)
    picture = photo(16, 20)
    np.testing.assert_array_equal(Stylizer.load(tmp_path)(picture), stylizer(picture))


def test_load_takes_the_authors_checkpoint(generator, stylizer, tmp_path):
    ours = golden_values.generator_variables(generator)
    tf1_names = {
        record["name"]: record["tf1_name"] for record in golden_values.layers()["generator"]
    }
    assert set(tf1_names.values()) == set(generator_variable_names().values())
    values = {tf1_names[name]: np.asarray(variable) for name, variable in ours.items()}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()
        ]
        session.run(tf.compat.v1.global_variables_initializer())
        prefix = tf.compat.v1.train.Saver(variables).save(session, str(tmp_path / "Hayao-60.ckpt"))
    picture = photo(16, 20)
    for path in (prefix, tmp_path):
        np.testing.assert_array_equal(Stylizer.load(path)(picture), stylizer(picture))


def padded(picture, height, width):
    rows, columns = height - picture.shape[0], width - picture.shape[1]
    return np.pad(picture, ((0, rows), (0, columns), (0, 0)), mode="reflect")


def test_load_takes_a_saved_model(exportable, tmp_path):
    saved_model(exportable, tmp_path / "10")
    written(tmp_path / "9", b"")
    picture = photo(18, 21)
    expected = directly(exportable, padded(picture, 20, 24)[None])[0, :18, :21]
    for path in (tmp_path / "10", tmp_path):
        assert_close(Stylizer.load(path)(picture), expected)
    with pytest.raises(ValueError, match="can't be run in tiles"):
        Stylizer.load(tmp_path, tile=64)
    with pytest.raises(ValueError, match="more than the memory limit"):
        Stylizer.load(tmp_path, memory_limit=0.715e9)(photo(300, 300))
    with pytest.raises(UserError, match="can't change an exported network"):
        Stylizer.load(tmp_path, precision="bfloat16")


def test_load_takes_tflite_of_any_size(exportable, tmp_path):
    any_size = Stylizer.load(tflite(exportable, tmp_path / "any.tflite"))
    for height, width in [(20, 24), (8, 40), (20, 24)]:
        batch = np.stack([photo(height, width), photo(height, width, 1)])
        assert_close(any_size(batch), directly(exportable, batch))


def test_load_takes_tflite_with_metadata(exportable, tmp_path):
    path = tflite(exportable, tmp_path / "any.tflite")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("metadata.json", "{}")
    assert_close(Stylizer.load(path)(photo(8, 8)), directly(exportable, photo(8, 8)[None])[0])


def test_load_takes_tflite_of_plain_uint8(exportable, tmp_path):
    kernel, bias = exportable.layers[-1].get_weights()

    @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 3), tf.uint8)])
    def stylize(pixels):
        values = tf.nn.conv2d(tf.cast(pixels, tf.float32) / 127.5 - 1, kernel, 1, "SAME")
        return tf.cast((tf.tanh(values + bias) + 1) / 2 * 255, tf.uint8)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([stylize.get_concrete_function()])
    path = written(tmp_path / "plain.tflite", converter.convert())
    picture = photo(16, 16)
    assert_close(Stylizer.load(path)(picture), directly(exportable, picture[None])[0])


def test_load_takes_quantized_tflite(exportable, tmp_path):
    inputs = tf.keras.Input((16, 16, 3), batch_size=1)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(inputs, exportable(inputs)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [images.to_float(photo(16, 16, seed)[None])] for seed in range(8)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = written(tmp_path / "int8.tflite", converter.convert())
    picture = photo(16, 16)
    assert_close(Stylizer.load(path)(picture), directly(exportable, picture[None])[0], limit=8)


def test_load_takes_tflite_of_fixed_size(exportable, tmp_path):
    fixed = Stylizer.load(tflite(exportable, tmp_path / "fixed.tflite", (32, 32)))
    picture = photo(18, 30)
    expected = directly(exportable, padded(picture, 32, 32)[None])[0, :18, :30]
    assert_close(fixed(picture), expected)
    with pytest.raises(ValueError, match="takes 32x32 pixels at most, the picture has 33x32"):
        fixed(photo(32, 33))


def test_values_that_are_not_numbers_are_an_error():
    damaged = build_generator(8)
    damaged.get_layer("output_conv").set_weights([np.full((1, 1, 8, 3), np.nan, np.float32)])
    with pytest.raises(ValueError, match="not numbers"):
        Stylizer(damaged, memory_limit=PLENTY)(photo(8, 8))


def test_features_beyond_float16_are_an_error_in_tiles():
    large = build_generator(4)
    large.get_layer("b1_conv1").set_weights([np.full((3, 3, 3, 4), 1e5, np.float32)])
    with pytest.raises(ValueError, match="not numbers"):
        TiledGenerator(large)(photo(64, 64), 64)


def test_bfloat16_is_close(generator, stylizer):
    picture = photo(32, 32)
    result = Stylizer.load(generator, precision="bfloat16")(picture)
    difference = np.abs(result.astype(int) - stylizer(picture))
    assert difference.max() > 0 and difference.mean() < 6


def other_keras_model(path):
    inputs = tf.keras.Input((4,))
    tf.keras.Model(inputs, tf.keras.layers.Dense(2)(inputs)).save(path / "model.keras")
    return path / "model.keras"


def other_saved_model(path):
    module = tf.Module()
    spec = tf.TensorSpec((None,), tf.string, "png")
    tf.saved_model.save(
        module,
        str(path),
        signatures={"decode": tf.function(lambda png: {"length": tf.strings.length(png)}, [spec])},
    )
    return path


def written(path, data):
    path.write_bytes(data)
    return path


def unfinished_run(path):
    (path / "checkpoints" / "step_00000300").mkdir(parents=True)
    return path


def other_checkpoint(path):
    tf.train.Checkpoint(classifier=tf.Variable(1.0)).write(str(path / "checkpoint"))
    return path


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path / "none.keras", "no such file or folder"),
        (
            lambda path: written(path / "a.keras", b"some text"),
            "found a file that begins with b'some",
        ),
        (lambda path: written(path / "a.keras", b""), "found an empty file"),
        (
            lambda path: written(path / "a.tflite", b"\0\0\0\0TFL3damaged"),
            "not a readable TFLite file",
        ),
        (lambda path: written(path / "saved_model.pb", b"x").parent, "not a readable SavedModel"),
        (lambda path: path, "expected generator.keras.*found nothing"),
        (lambda path: written(path / "a.txt", b"x").parent, "found a.txt"),
        (unfinished_run, "isn't finished.*Give its newest checkpoint: .*step_00000300"),
        (other_keras_model, "not an AnimeGAN generator"),
        (other_saved_model, r"expected a signature from .* found decode"),
        (other_checkpoint, "found one with.*classifier"),
    ],
)
def test_load_says_what_was_expected_and_found(tmp_path, make, message):
    with pytest.raises(UserError, match=message):
        Stylizer.load(make(tmp_path))


def test_a_checkpoint_of_other_networks_is_refused(tmp_path):
    inputs = tf.keras.Input((None, None, 3))
    model = tf.keras.Model(inputs, tf.keras.layers.Conv2D(8, 3)(inputs))
    training_checkpoint(tmp_path, generator=model)
    with pytest.raises(UserError, match="doesn't fit"):
        Stylizer.load(tmp_path)
