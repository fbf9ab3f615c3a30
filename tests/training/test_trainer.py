"""The loop and its run folder, on a tiny network and random perceptual features."""

import errno
import os
import shutil
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import assert_equal, moments, weights

from animegan_tf.errors import UserError, WorkFailed
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.training import record
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
            f"checkpoints/step_0000000{i}/{name}"
            for i in (6, 9)
            for name in ("checkpoint.index", "checkpoint.data-00000-of-00001", "notes.json")
        ),
    }
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, 10))
    assert all("pretrain" in row for row in rows[:3])
    for row in rows[3:]:
        means = {f"mean_{name}" for name in LOSS_NAMES} if row["step"] % 3 == 0 else set()
        assert set(row) == ({"step", *LOSS_NAMES} | means) - {"pretrain", "mean_pretrain"}
    assert rows[8]["mean_color"] == pytest.approx(np.mean([row["color"] for row in rows[6:]]))
    generator = load_generator(tmp_path / "run" / "generator.keras")
    for a, b in zip(generator.get_weights(), trainer.state.averaged_generator.get_weights()):
        np.testing.assert_array_equal(a, b)
    from tensorflow.core.util import event_pb2

    logs = [str(path) for path in (tmp_path / "run" / "logs").iterdir()]
    events = [
        event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(logs)
    ]
    tags = {value.tag for event in events for value in event.summary.value}
    losses = {f"{kind}/{name}" for kind in ("loss", "epoch_mean") for name in LOSS_NAMES}
    assert tags == losses | {"samples"}
    page = (tmp_path / "run" / "samples" / "index.html").read_text()
    assert page.index("epoch_003.png") < page.index("epoch_001.png")


def test_resumed_run_equals_an_uninterrupted_one(trainer_in, tmp_path):
    whole = trainer_in(tmp_path / "whole")
    whole.fit()
    expected = weights(whole.state), moments(whole.state)

    first = trainer_in(tmp_path / "parts", save_every=2)
    first.total_steps = 5  # Ends in the middle of an epoch, after a checkpoint at step 4.
    first.fit()
    rest = trainer_in(tmp_path / "parts", save_every=2)
    assert rest.resume() == 5
    rest.fit()
    for found, of_whole in zip((weights(rest.state), moments(rest.state)), expected):
        assert_equal(found, of_whole)
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


def fail_after(trainer, step, what):
    """Lets something happen to a run between two of its steps."""
    run_step = trainer.state.pretrain_step

    def step_and_fail(pictures):
        values = run_step(pictures)
        if int(trainer.state.step) == step:
            what()
        return values

    trainer.state.pretrain_step = step_and_fail


def only_finding(caught):
    assert caught.value.exit_status == 1
    (finding,) = caught.value.findings
    return finding


def test_a_run_folder_that_is_deleted_ends_the_run_in_one_line(trainer_in, tmp_path):
    trainer = trainer_in(tmp_path / "run")
    fail_after(trainer, 2, lambda: shutil.rmtree(tmp_path / "run"))
    with pytest.raises(WorkFailed) as caught:
        trainer.fit()
    assert "the run's folder is gone" in only_finding(caught).reason
    assert not (tmp_path / "run").exists()


def test_a_picture_that_is_deleted_is_named_and_the_run_can_go_on(trainer_in, tmp_path, files):
    trainer = trainer_in(tmp_path / "run", save_every=1, init_epochs=100)
    photo, content = files.photos[0], files.photos[0].read_bytes()
    fail_after(trainer, 1, photo.unlink)
    try:
        with pytest.raises(WorkFailed) as caught:
            trainer.fit()
    finally:
        photo.write_bytes(content)
    finding = only_finding(caught)
    assert finding.where == str(photo) and "can't be read anymore" in finding.reason
    newest = max(path.name for path in trainer.checkpoints)
    assert f"--resume goes on from {newest}" in finding.remedy
    assert trainer_in(tmp_path / "run", init_epochs=100).resume() == int(newest[5:])


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_the_run_in_one_line(trainer_in, tmp_path, monkeypatch):
    trainer = trainer_in(tmp_path / "run")
    for writer in (
        "metrics.write_bytes",
        "samples.write_image",
        "sample_page.write_bytes",
        "loss_curves.write_bytes",
        "record.save_generator",
    ):
        with monkeypatch.context() as disk, pytest.raises(WorkFailed) as caught:
            disk.setattr(f"animegan_tf.training.{writer}", full)
            trainer.fit()
        finding = only_finding(caught)
        assert finding.where == str(tmp_path / "run"), writer
        assert "No space left on device" in finding.reason and "--resume" in finding.remedy


def test_a_disk_that_fills_between_two_saves_leaves_a_run_that_resumes(
    trainer_in, tmp_path, monkeypatch
):
    whole = trainer_in(tmp_path / "whole")
    whole.fit()
    expected = weights(whole.state)

    trainer = trainer_in(tmp_path / "run", save_every=2)
    fail_after(trainer, 3, lambda: monkeypatch.setattr(record, "save_generator", full))
    with pytest.raises(WorkFailed):
        trainer.fit()
    monkeypatch.undo()
    again = trainer_in(tmp_path / "run", save_every=2)
    assert again.resume() == 2
    again.fit()
    assert_equal(weights(again.state), expected)
    for name in ("metrics.csv", "samples/epoch_001.png", "samples/epoch_003.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("content", [b"", b"junk\0", "half"])
def test_nothing_but_the_checkpoint_decides_whether_a_run_goes_on(
    trainer_in, finished_epoch, tmp_path, content
):
    run_dir = tmp_path / "run"
    shutil.copytree(finished_epoch, run_dir)
    for name in (
        "metrics.csv",
        "samples/epoch_001.png",
        "samples/progress.gif",
        "samples/epoch_x.png",
        "checkpoints/step_00000003/notes.json",
        "checkpoints/.writing-x",
        ".saving-x",
    ):
        path = run_dir / name
        whole = path.read_bytes() if path.exists() else b""
        path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    trainer = trainer_in(run_dir)
    assert trainer.resume() == 3
    trainer.total_steps = 6
    assert trainer.fit()
    assert (run_dir / "samples" / "epoch_002.png").exists()
    assert [row["step"] for row in read_metrics(run_dir / "metrics.csv")][-3:] == [4, 5, 6]


@pytest.fixture(scope="module")
def finished_epoch(trainer_in, tmp_path_factory):
    """The folder of a run that ended after its pre-training."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    trainer = trainer_in(run_dir)
    trainer.total_steps = 3
    trainer.fit()
    return run_dir
