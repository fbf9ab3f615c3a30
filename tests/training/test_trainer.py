"""The loop and its run folder, on a tiny network and random perceptual features."""

import os
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import assert_equal_weights

from animegan_tf.errors import UserError
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.training.metrics import read_metrics
from animegan_tf.training.objectives import LOSS_NAMES


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
    assert all(set(row) == {"step", *LOSS_NAMES} - {"pretrain"} for row in rows[3:])
    generator = load_generator(tmp_path / "run" / "generator.keras")
    for a, b in zip(generator.get_weights(), trainer.state.averaged_generator.get_weights()):
        np.testing.assert_array_equal(a, b)
    from tensorflow.core.util import event_pb2

    logs = [str(path) for path in (tmp_path / "run" / "logs").iterdir()]
    events = [
        event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(logs)
    ]
    tags = {value.tag for event in events for value in event.summary.value}
    assert tags == {f"loss/{name}" for name in LOSS_NAMES}
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
