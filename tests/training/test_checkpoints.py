"""Checkpoints: whole or not there, and checked before they are restored."""

import os
import resource
import signal

import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.training.checkpoints import Checkpoints


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
