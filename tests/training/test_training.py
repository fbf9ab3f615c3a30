"""Steps, checkpoints and the loop, on a tiny network and random perceptual features."""

import dataclasses
import json
import os
import resource
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.data.batches import TrainingData, load_validation
from animegan_tf.data.find import TrainingFiles
from animegan_tf.errors import UserError
from animegan_tf.images import write_image
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training import training
from animegan_tf.training.config import TrainConfig
from animegan_tf.training.training import (
    Checkpoints,
    MetricsLog,
    Trainer,
    TrainingState,
    read_metrics,
)

CONFIG = TrainConfig(
    style="test",
    width=8,
    image_size=32,
    batch_size=2,
    vgg="random",
    epochs=2,
    init_epochs=1,
    steps_per_epoch=3,
    sample_count=2,
    log_every=1,
    init_learning_rate=1e-3,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
)
PICTURES = ("photo", "anime", "gray", "edge_gray")


def batch(seed=0, size=32, count=2):
    rng = np.random.RandomState(seed)
    return {
        name: tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), tf.float32)
        for name in PICTURES
    }


def make_state(**changes):
    config = dataclasses.replace(CONFIG, **changes)
    return TrainingState(config, build_vgg19("random", config.precision, width=8))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.RandomState(0)
    paths = {}
    for kind, count in (("photo", 5), ("anime", 6)):
        paths[kind] = [folder / f"{kind}{i}.png" for i in range(count)]
        for path in paths[kind]:
            blocks = rng.randint(0, 256, (8, 8, 3)).repeat(5, 0).repeat(5, 1)
            write_image(path, blocks.astype(np.uint8))
    return TrainingFiles(
        photos=tuple(paths["photo"]),
        anime=tuple(paths["anime"]),
        smooth=(),
        val=tuple(paths["photo"][:2]),
    )


@pytest.fixture
def trainer_in(files, tmp_path_factory):
    cache = tmp_path_factory.mktemp("edges")

    def make(run_dir, **changes):
        config = dataclasses.replace(CONFIG, **changes)
        run_dir.mkdir(exist_ok=True)
        data = TrainingData(
            files, image_size=32, batch_size=2, seed=config.seed, flip=True, cache_dir=cache
        )
        data.prepare_edges()
        return Trainer(
            config,
            run_dir,
            data,
            load_validation(files, image_size=32, count=2),
            build_vgg19("random", width=8),
        )

    return make


def weights(state):
    return [
        v.numpy()
        for model in (state.generator, state.discriminator, state.averaged_generator)
        for v in model.variables
    ]


def assert_equal_weights(one, other):
    for a, b in zip(weights(one), weights(other)):
        np.testing.assert_array_equal(a, b)


def test_pretraining_moves_the_generator_only():
    state = make_state()
    before = [v.numpy() for v in state.discriminator.variables]
    contents = [float(state.pretrain_step(batch())["content"]) for _ in range(8)]
    assert contents[-1] < 0.9 * contents[0]
    for value, variable in zip(before, state.discriminator.variables):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert int(state.step) == 8


def test_train_step_returns_every_loss_and_moves_both_networks():
    state = make_state()
    before = weights(state)
    values = state.train_step(batch())
    assert set(values) == set(training.LOSS_NAMES) - {"pretrain"}
    assert all(np.isfinite(float(v)) for v in values.values())
    moved = [np.abs(a - b).max() > 0 for a, b in zip(before, weights(state))]
    names = [
        v.name
        for m in (state.generator, state.discriminator, state.averaged_generator)
        for v in m.variables
    ]
    assert [n for n, m in zip(names, moved) if not m] == []


def test_totals_are_the_weighted_terms():
    state = make_state(
        generator_adversarial_weight=2.0,
        discriminator_adversarial_weight=3.0,
        content_weight=5.0,
        gray_style_weight=7.0,
        color_weight=11.0,
        generated_weight=13.0,
        gray_adversarial_weight=17.0,
        edge_adversarial_weight=19.0,
    )
    v = {k: float(x) for k, x in state.train_step(batch()).items()}
    assert v["generator"] == pytest.approx(
        2 * v["adversarial"] + 5 * v["content"] + 7 * v["gray_style"] + 11 * v["color"], rel=1e-5
    )
    assert v["discriminator"] == pytest.approx(
        3 * (v["d_anime"] + 13 * v["d_generated"] + 17 * v["d_gray"] + 19 * v["d_edge_gray"]),
        rel=1e-5,
    )


def test_one_batch_through_the_discriminator_equals_four():
    state, pictures = make_state(), batch()
    generated = state.generator(pictures["photo"])
    separate = [
        state.discriminator(x)
        for x in (pictures["anime"], generated, pictures["gray"], pictures["edge_gray"])
    ]
    expected = training.losses.discriminator_losses(*separate)
    _, terms = training.discriminator_objective(state.discriminator, pictures, generated, CONFIG)
    for name in terms:
        assert float(terms[name]) == pytest.approx(float(expected[name]), rel=1e-5)


def test_mixed_precision_step_stays_close():
    exact = make_state().train_step(batch())
    mixed = make_state(precision="mixed_bfloat16")
    for name, value in mixed.train_step(batch()).items():
        assert value.dtype == tf.float32
        assert float(value) == pytest.approx(float(exact[name]), rel=0.1), name
    assert all(v.dtype == "float32" for v in mixed.generator.trainable_variables)


def test_xla_step_is_the_same_step():
    plain = make_state()
    compiled = make_state(xla=True)
    values, expected = compiled.train_step(batch()), plain.train_step(batch())
    for name in expected:
        assert float(values[name]) == pytest.approx(float(expected[name]), rel=1e-3), name


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_average_follows_the_generator(decay):
    state = make_state(ema_decay=decay)
    start = state.generator.get_weights()
    state.pretrain_step(batch())
    for before, now, average in zip(
        start, state.generator.get_weights(), state.averaged_generator.get_weights()
    ):
        np.testing.assert_allclose(average, decay * before + (1 - decay) * now, atol=1e-7)


def test_run_folder(trainer_in, tmp_path):
    trainer = trainer_in(tmp_path / "run", keep_generator_every=2)
    assert trainer.fit()
    found = {
        str(p.relative_to(tmp_path / "run"))
        for p in (tmp_path / "run").rglob("*")
        if p.is_file() and "events" not in p.name
    }
    assert found == {
        "metrics.csv",
        "losses.png",
        "generator.keras",
        "generators/epoch_002.keras",
        "samples/photos.png",
        "samples/progress.gif",
        "samples/index.html",
        *(f"samples/epoch_{i:03d}.png" for i in range(4)),
        *(
            f"checkpoints/step_0000000{i}/checkpoint.{suffix}"
            for i in (6, 9)
            for suffix in ("index", "data-00000-of-00001")
        ),
    }
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, 10))
    assert all("pretrain" in row for row in rows[:3])
    assert all(set(row) == {"step", *training.LOSS_NAMES} - {"pretrain"} for row in rows[3:])
    generator = load_generator(tmp_path / "run" / "generator.keras")
    for a, b in zip(generator.get_weights(), trainer.state.averaged_generator.get_weights()):
        np.testing.assert_array_equal(a, b)
    from tensorflow.core.util import event_pb2

    logs = [str(path) for path in (tmp_path / "run" / "logs").iterdir()]
    events = [
        event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(logs)
    ]
    tags = {value.tag for event in events for value in event.summary.value}
    assert tags == {f"loss/{name}" for name in training.LOSS_NAMES}
    page = (tmp_path / "run" / "samples" / "index.html").read_text()
    assert page.index("epoch_003.png") < page.index("epoch_001.png")


def test_resumed_run_equals_an_uninterrupted_one(trainer_in, tmp_path):
    whole = trainer_in(tmp_path / "whole")
    whole.fit()

    first = trainer_in(tmp_path / "parts", save_every=2)
    first.total_steps = 5  # Ends in the middle of an epoch, after a checkpoint at step 4.
    first.fit()
    rest = trainer_in(tmp_path / "parts", save_every=2)
    assert rest.resume() == 5
    rest.fit()
    assert_equal_weights(whole.state, rest.state)
    for optimizer in ("pretrain_optimizer", "generator_optimizer", "discriminator_optimizer"):
        for a, b in zip(
            getattr(whole.state, optimizer).variables, getattr(rest.state, optimizer).variables
        ):
            np.testing.assert_array_equal(a, b)
    assert (tmp_path / "whole" / "metrics.csv").read_bytes() == (
        tmp_path / "parts" / "metrics.csv"
    ).read_bytes()


def test_an_interrupt_saves_and_ends(trainer_in, tmp_path):
    trainer = trainer_in(tmp_path / "run")
    before = signal.getsignal(signal.SIGINT)
    interrupt = threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT))
    train_step = trainer.state.pretrain_step

    def step_and_interrupt(pictures):
        values = train_step(pictures)
        if int(trainer.state.step) == 2:
            interrupt.run()
        return values

    trainer.state.pretrain_step = step_and_interrupt
    assert not trainer.fit()
    assert [p.name for p in trainer.checkpoints] == ["step_00000002"]
    assert signal.getsignal(signal.SIGINT) is before


def test_damaged_checkpoint_is_passed_over(trainer_in, tmp_path, capsys):
    trainer = trainer_in(tmp_path / "run")
    for step in (6, 9):
        trainer.state.step.assign(step)
        trainer.checkpoints.save(step)
    data = tmp_path / "run/checkpoints/step_00000009/checkpoint.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)

    again = trainer_in(tmp_path / "run")
    assert again.resume() == 6
    assert "step_00000009: damaged" in capsys.readouterr().out

    os.truncate(tmp_path / "run/checkpoints/step_00000006/checkpoint.data-00000-of-00001", 1000)
    with pytest.raises(UserError) as caught:
        again.resume()
    assert len(caught.value.findings) == 2


def test_checkpoint_of_another_network_is_an_error(trainer_in, tmp_path):
    trainer_in(tmp_path / "run").checkpoints.save(1)
    with pytest.raises(UserError, match="doesn't fit"):
        trainer_in(tmp_path / "run", width=4).resume()


def test_unfinished_checkpoints_are_cleared_away(tmp_path):
    leftover = tmp_path / ".writing-abc" / "new"
    leftover.mkdir(parents=True)
    (leftover / "checkpoint.index").write_text("half")
    checkpoints = Checkpoints(tmp_path, tf.train.Checkpoint(step=tf.Variable(1)), keep=1)
    checkpoints.clear_unfinished()
    assert list(tmp_path.iterdir()) == []
    assert checkpoints.restore_newest() is None


def test_full_disk_loses_no_checkpoint(trainer_in, tmp_path):
    """A limit on file sizes stands in for the full disk: the same OSError on the same write."""
    trainer = trainer_in(tmp_path / "run")
    trainer.state.step.assign(3)
    trainer.checkpoints.save(3)
    before = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(UserError, match="can't be written"):
            trainer.checkpoints.save(99)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*")) == before
    assert trainer_in(tmp_path / "run").resume() == 3


def test_nan_stops_with_step_term_and_files(trainer_in, tmp_path, files):
    trainer = trainer_in(tmp_path / "run", epochs=1)
    trainer.pretrain_steps = 0
    trainer.fit()
    good = [p.name for p in trainer.checkpoints]
    kernel = trainer.state.discriminator.trainable_variables[0]
    kernel.assign(tf.fill(kernel.shape, float("nan")))
    trainer.total_steps = 9
    with pytest.raises(UserError) as caught:
        trainer.fit()
    text = str(caught.value)
    assert "step 7" in text and "d_anime is nan" in text
    for paths in trainer.data.batch_files(6).values():
        assert all(path in text for path in paths)
    assert [p.name for p in trainer.checkpoints] == good


def test_weights_that_are_not_finite_are_not_saved(trainer_in, tmp_path):
    trainer = trainer_in(tmp_path / "run")
    gamma = trainer.state.generator.get_layer("m_conv1_norm").gamma
    gamma.assign(tf.fill(gamma.shape, float("inf")))
    with pytest.raises(UserError, match="not finite"):
        trainer._save(5)
    assert list(trainer.checkpoints) == []


def test_metrics_log_drops_what_will_be_trained_anew(tmp_path):
    log = MetricsLog(tmp_path, up_to_step=0)
    for step in (1, 2, 3):
        log.write(step, {"pretrain": step / 3, "content": 0.1})
    log.close()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("4,0.5,")  # A kill cut this row off.
    log = MetricsLog(tmp_path, up_to_step=2)
    log.write(3, {"pretrain": 9.0, "content": 0.2})
    log.close()
    rows = read_metrics(tmp_path / "metrics.csv")
    assert [(row["step"], row["pretrain"]) for row in rows] == [(1, 1 / 3), (2, 2 / 3), (3, 9.0)]


def test_config_json_can_be_read_by_anyone():
    assert json.loads(CONFIG.to_json())["vgg"] == "random"
