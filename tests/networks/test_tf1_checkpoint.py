"""Import of the authors' checkpoints, written here by TensorFlow 1's own Saver."""

import os
from pathlib import Path

import golden_values
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.networks.tf1_checkpoint import generator_variable_names, import_generator

tf1 = tf.compat.v1


def golden_weights():
    return {
        record["tf1_name"]: golden_values.weight(record)
        for record in golden_values.layers()["generator"]
    }


def narrow_weights():
    """Random variables of a generator of width 8 instead of 64, by the authors' names."""
    rng = np.random.default_rng(0)
    return {
        record["tf1_name"]: rng.normal(
            size=[n // 8 if n >= 64 else n for n in record["shape"]]
        ).astype(np.float32)
        for record in golden_values.layers()["generator"]
    }


def save(weights, prefix, version=tf1.train.SaverDef.V2):
    with tf.Graph().as_default(), tf1.Session() as session:
        variables = [tf1.get_variable(name, initializer=value) for name, value in weights.items()]
        session.run(tf1.global_variables_initializer())
        return tf1.train.Saver(variables, write_version=version).save(session, str(prefix))


@pytest.fixture(scope="module")
def hayao(tmp_path_factory):
    return save(golden_weights(), tmp_path_factory.mktemp("weights") / "Hayao-60.ckpt")


def test_imported_weights_give_the_golden_output(hayao):
    anime = import_generator(hayao)(golden_values.picture("photo_64")).numpy()
    np.testing.assert_allclose(anime, golden_values.arrays("generator")["out_64"], atol=5e-4)


def test_command_writes_a_keras_file(command, hayao, tmp_path):
    target = tmp_path / "hayao.keras"
    done = command("import", hayao, target)
    assert done.status == 0, done.stderr
    assert "3,956,096 parameters" in done.stdout
    imported, weights = load_generator(target), golden_weights()
    for ours, theirs in generator_variable_names().items():
        layer, _ = ours.split("/")
        assert any(
            np.array_equal(weight, weights[theirs])
            for weight in imported.get_layer(layer).get_weights()
        )

    again = command("import", hayao, target)
    assert again.status == 2
    assert "exists already" in again.stderr


def test_a_file_that_appears_meanwhile_is_left_as_it_is(command, tmp_path, monkeypatch):
    """Two imports to one name: the first to end has it."""
    prefix, target = save(narrow_weights(), tmp_path / "Hayao-60.ckpt"), tmp_path / "hayao.keras"

    def appear(generator, path):
        target.write_text("the other's")
        Path(path).write_text("mine")

    monkeypatch.setattr("animegan_tf.cli.import_command.save_generator", appear)
    done = command("import", prefix, target)
    assert done.status == 1 and "another program has written it meanwhile" in done.stderr
    assert target.read_text() == "the other's" and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("given", ["prefix", "index", "data", "folder"])
def test_a_checkpoint_may_be_given_by_any_of_its_files(tmp_path, given):
    weights = narrow_weights()
    prefix = save(weights, tmp_path / "Paprika-100.ckpt")
    path = {
        "prefix": prefix,
        "index": prefix + ".index",
        "folder": tmp_path,
        "data": prefix + ".data-00000-of-00001",
    }[given]
    generator = import_generator(path)
    np.testing.assert_array_equal(
        generator.get_layer("output_conv").get_weights()[0],
        weights["generator/G_MODEL/Conv/weights"],
    )


def test_the_older_checkpoint_format_is_read(tmp_path):
    weights = narrow_weights()
    prefix = save(weights, tmp_path / "old.ckpt", tf1.train.SaverDef.V1)
    generator = import_generator(prefix)
    np.testing.assert_array_equal(
        generator.get_layer("m_r8_project_norm").get_weights()[1],
        weights["generator/G_MODEL/m/r8/2/beta"],
    )


def test_what_training_adds_is_left_out(tmp_path):
    weights = narrow_weights()
    extra = {
        "discriminator/D/w": np.zeros(3, np.float32),
        "beta1_power": np.float32(0.5),
        "generator/G_MODEL/b1/Conv/weights/Adam": np.zeros(3, np.float32),
        "generator/G_MODEL/b1/Conv/weights/Adam_3": np.zeros(3, np.float32),
    }
    generator = import_generator(save({**weights, **extra}, tmp_path / "AnimeGAN.model-60"))
    np.testing.assert_array_equal(
        generator.get_layer("b1_conv1").get_weights()[0],
        weights["generator/G_MODEL/b1/Conv/weights"],
    )


def test_every_variable_that_does_not_fit_is_named(tmp_path):
    weights = narrow_weights()
    del weights["generator/G_MODEL/m/r3/r3/w"]
    weights["generator/G_MODEL/u2/Conv/weights"] = np.zeros((3, 3, 8, 16), np.float32)
    weights["generator/G_MODEL/m/r9/Conv/weights"] = np.zeros((1, 1, 32, 64), np.float32)
    with pytest.raises(UserError) as raised:
        import_generator(save(weights, tmp_path / "odd.ckpt"))
    reasons = [finding.reason for finding in raised.value.findings]
    assert len(reasons) == 3
    assert "m/r9/Conv/weights is not a variable" in reasons[0]
    assert "m/r3/r3/w is missing" in reasons[1]
    assert "should have the shape [3, 3, 16, 16], but has [3, 3, 8, 16]" in reasons[2]


@pytest.mark.parametrize(
    "lost, reason",
    [(".data-00000-of-00001", "it holds the weights"), (".index", "this file of the checkpoint")],
)
def test_a_missing_file_is_explained(tmp_path, lost, reason):
    prefix = save(narrow_weights(), tmp_path / "Hayao-60.ckpt")
    os.remove(prefix + lost)
    with pytest.raises(UserError, match=reason) as raised:
        import_generator(prefix)
    assert raised.value.findings[0].where == prefix + lost


def test_a_data_file_cut_short_is_an_error(tmp_path):
    prefix = save(narrow_weights(), tmp_path / "Hayao-60.ckpt")
    data = prefix + ".data-00000-of-00001"
    os.truncate(data, os.path.getsize(data) // 2)
    with pytest.raises(UserError, match="damaged or cut short"):
        import_generator(prefix)


def test_what_is_no_checkpoint_is_an_error(tmp_path):
    text = tmp_path / "notes.ckpt"
    text.write_text("not a checkpoint")
    for path, reason in [
        (text, "not a readable checkpoint"),
        (tmp_path, "no checkpoint is named"),
        (tmp_path / "none.ckpt", "no such checkpoint"),
    ]:
        with pytest.raises(UserError, match=reason):
            import_generator(path)
    other = save({"classifier/w": np.zeros(3, np.float32)}, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match="expected the variables of AnimeGAN's generator"):
        import_generator(other)
