"""Several devices and several workers train what one device trains.

Two workers are two processes, and slow; what they agree on is tested in one process, too.
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from data_sets import write_ghibli
from project import ROOT

from animegan_tf.errors import UserError, WorkFailed
from animegan_tf.training.workers import Worker, lost_workers_reported, select_devices

TINY = (
    "--style=ghibli",
    "--strategy=multiworker",
    "--run_dir=run",
    "--device=cpu",
    "--width=4",
    "--image_size=32",
    "--batch_size=2",
    "--vgg=random",
    "--init_epochs=0",
    "--steps_per_epoch=2",
    "--epochs=500",
    "--save_every=2",
    "--sample_count=1",
    "--keep_generator_every=0",
)

THREE_STEPS = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
from animegan_tf.training.config import TrainConfig
from animegan_tf.data.batches import TrainingData
from animegan_tf.data.find import find_training_files
from animegan_tf.training.workers import worker_of
from animegan_tf.networks.perceptual import build_vgg19
from animegan_tf.training.steps import TrainingState

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_visible_devices([], "GPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
config = TrainConfig(width=4, image_size=32, batch_size=4, vgg="random")
files = find_training_files(data_dir="dataset", style="ghibli")

def three_steps(strategy):
    data = TrainingData(files, image_size=32, batch_size=4, seed=0, flip=True, cache_dir="edges",
                        part=worker_of(strategy))
    with strategy.scope():
        state = TrainingState.from_config(config, build_vgg19("random", width=4))
    # Adam divides a gradient by its own size: where the norms leave none, that makes a step out of
    # rounding, on one device as on two.
    for optimizer in (state.pretrain_optimizer, state.generator_optimizer,
                      state.discriminator_optimizer):
        optimizer.epsilon = 1e3
        optimizer.learning_rate = 1e-3

    arrays = {}
    def note(moment):
        for name, variables in (("generator", state.generator.variables),
                                ("average", state.averaged_generator.variables),
                                ("discriminator", state.discriminator.trainable_variables),
                                ("spectral", state.discriminator.non_trainable_variables)):
            for i, variable in enumerate(variables):
                arrays[f"{moment} {name} {i:03d}"] = variable.numpy()

    note("before")
    for k, batch in enumerate(data.dataset(0, 3)):
        step = state.pretrain_step if k == 0 else state.train_step
        for name, loss in step(state.replicas.distribute(batch)).items():
            arrays[f"loss {k} {name}"] = loss.numpy()
    note("after")
    arrays["step"] = state.step.numpy()
    return arrays

eagerly, *kinds_and_results = sys.argv[1:]
tf.config.run_functions_eagerly(eagerly == "eagerly")
for kind, result in zip(kinds_and_results[::2], kinds_and_results[1::2]):
    strategy = {"one": tf.distribute.get_strategy,
                "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
                "multiworker": tf.distribute.MultiWorkerMirroredStrategy}[kind]()
    np.savez(result, **three_steps(strategy))
"""


def environment(**changes):
    return {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", **changes}


def tf_configs(count=2):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    cluster = {"worker": [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]}
    for s in sockets:
        s.close()
    return [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}})
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_ghibli(folder, photos=7, anime=6)
    return folder


def three_steps(folder, *kinds, eagerly=False, tf_config=None):
    """Starts a process that makes three steps of each kind; see `arrays_of`.

    Three steps take longer to trace than to run eagerly.
    """
    results = [folder / f"{kind}_{os.urandom(4).hex()}.npz" for kind in kinds]
    changes = {"TF_CONFIG": tf_config} if tf_config else {}
    arguments = ["eagerly" if eagerly else "compiled"]
    arguments += itertools.chain(*zip(kinds, map(str, results)))
    process = subprocess.Popen(
        [sys.executable, "-c", THREE_STEPS, *arguments],
        cwd=folder,
        env=environment(**changes),
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, results


def arrays_of(process, results):
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    found = []
    for result in results:
        with np.load(result) as arrays:
            found.append(dict(arrays))
    return found


@pytest.fixture(scope="module")
def here(folder):
    """What one device trained, and what two trained."""
    return arrays_of(*three_steps(folder, "one", "mirrored", eagerly=True))


def assert_same_training(found, expected):
    """Relative 1e-5, of all losses and of each network's weights."""
    assert found.keys() == expected.keys()
    assert found["step"] == expected["step"] == 3
    for name, value in expected.items():
        if name.startswith("loss"):
            np.testing.assert_allclose(found[name], value, rtol=1e-5, err_msg=name)
    for network in ("generator", "average", "discriminator", "spectral"):
        before, after, after_here = (
            np.concatenate(
                [
                    arrays[name].ravel()
                    for name in expected
                    if name.startswith(f"{moment} {network}")
                ]
            )
            for arrays, moment in ((expected, "before"), (expected, "after"), (found, "after"))
        )
        difference, change = np.linalg.norm(after_here - after), np.linalg.norm(after - before)
        assert difference < 1e-5 * np.linalg.norm(after), network
        assert difference < 1e-3 * change, network


def test_two_devices_train_what_one_trains(here):
    one_device, two_devices = here
    assert_same_training(two_devices, one_device)


@pytest.mark.slow
def test_two_devices_train_the_same_in_compiled_steps(folder, here):
    (two_devices,) = arrays_of(*three_steps(folder, "mirrored"))
    assert_same_training(two_devices, here[0])


@pytest.mark.slow
def test_two_workers_train_what_one_trains(folder, here):
    workers = [three_steps(folder, "multiworker", tf_config=config) for config in tf_configs()]
    for worker in workers:
        (found,) = arrays_of(*worker)
        assert_same_training(found, here[0])


class Cluster:
    """Two workers of train.py, as two users on two machines would start them."""

    def __init__(self, folder, *arguments):
        self.processes = []
        for config, own in zip(tf_configs(), arguments):
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, ROOT / "train.py", *own],
                    cwd=folder,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=environment(TF_CONFIG=config),
                )
            )

    def __enter__(self):
        return self

    def wait_for(self, path):
        while not path.exists():
            assert [p.poll() for p in self.processes] == [None, None], self.ends()
            time.sleep(0.05)

    def ends(self):
        """[(exit status, output)]"""
        outputs = [p.communicate(timeout=300)[0] for p in self.processes]
        return list(zip([p.returncode for p in self.processes], outputs))

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.communicate()


def newest_step(run_dir):
    return max(int(path.name[5:]) for path in (run_dir / "checkpoints").glob("step_*"))


@pytest.fixture(scope="module")
def killed_run(folder):
    """A run of two workers, of which the second was killed; what became of the first."""
    with Cluster(folder, TINY, TINY) as cluster:
        cluster.wait_for(folder / "run/checkpoints/step_00000004")
        cluster.processes[1].send_signal(signal.SIGKILL)
        (status, output), _ = cluster.ends()
        return folder / "run", status, output


@pytest.mark.slow
def test_a_worker_that_dies_ends_the_run(killed_run):
    _, status, output = killed_run
    assert status == 1, output
    assert "error: worker 0 of 2: lost worker 1 of TF_CONFIG's cluster" in output
    assert "--resume" in output and "Traceback" not in output


@pytest.mark.slow
def test_it_resumes_and_stops_together_when_one_is_told_to(folder, killed_run):
    run_dir = killed_run[0]
    reached = newest_step(run_dir)
    arguments = ["--resume", "--run_dir=run"]
    with Cluster(folder, arguments, arguments) as cluster:
        cluster.wait_for(run_dir / f"checkpoints/step_{reached + 2:08d}")
        cluster.processes[1].send_signal(signal.SIGTERM)
        ends = cluster.ends()
    for status, output in ends:
        assert status == 0, output
        assert f"going on at step {reached} of 1000" in output
        assert "stopped and saved" in output
    rows = (run_dir / "metrics.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(2, newest_step(run_dir) + 1, 2))


@pytest.mark.slow
def test_workers_that_differ_are_told(folder):
    with Cluster(
        folder, [*TINY, "--run_dir=other"], [*TINY, "--run_dir=other", "--seed=3"]
    ) as cluster:
        for status, output in cluster.ends():
            assert status == 2, output
            assert "worker 1: its settings are not those of worker 0" in output
    assert not (folder / "other" / "checkpoints").exists()


def test_a_worker_that_is_lost_is_named():
    error = tf.errors.UnavailableError(
        None, None, "Connection reset by peer: /job:worker/replica:0/task:1"
    )
    with pytest.raises(WorkFailed) as caught, lost_workers_reported(Worker(0, 2)):
        raise error
    text = str(caught.value)
    assert "worker 0 of 2: lost worker 1 of TF_CONFIG's cluster (Connection reset)" in text
    assert "--resume" in text
    with pytest.raises(tf.errors.UnavailableError), lost_workers_reported(Worker(0, 1)):
        raise error


def test_no_step_is_made_where_another_worker_has_other_settings(trainer_in, tmp_path, monkeypatch):
    trainer = trainer_in(tmp_path / "run")
    monkeypatch.setattr(trainer.replicas, "ask_workers", lambda value: [value, value + 1])
    with pytest.raises(UserError, match="worker 1: its settings are not those of worker 0"):
        trainer.fit()
    assert int(trainer.state.step) == 0


def test_all_stop_and_save_when_another_worker_is_told_to(trainer_in, tmp_path, monkeypatch):
    trainer = trainer_in(tmp_path / "run")

    def ask_workers(value):
        stopping = isinstance(value, bool) and int(trainer.state.step) == 2
        return [value, True if stopping else value]

    monkeypatch.setattr(trainer.replicas, "ask_workers", ask_workers)
    assert not trainer.fit()
    assert [path.name for path in trainer.checkpoints] == ["step_00000002"]


def wrong(monkeypatch, *arguments, tf_config=None, **options):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(UserError) as caught:
        select_devices(*arguments, **{"batch_size": 4, **options})
    return list(map(str, caught.value.findings))


def test_mirrored_needs_gpus(monkeypatch):
    messages = wrong(monkeypatch, "mirrored", "cpu", xla=True)
    assert len(messages) == 2
    assert "XLA compiles a step for one device" in messages[0]
    assert "mirrored takes all GPUs" in messages[1]


@pytest.mark.parametrize(
    "tf_config, message",
    [
        (None, "it is not set"),
        ("worker 0", "can't be understood"),
        ("{}", "KeyError: 'cluster'"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "has the jobs ps"),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', "host:port"),
        (
            '{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}',
            "twice",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "worker 1, which",
        ),
    ],
)
def test_tf_config_is_checked(monkeypatch, tf_config, message):
    (found,) = wrong(monkeypatch, "multiworker", "cpu", tf_config=tf_config)
    assert found.startswith("TF_CONFIG: ") and message in found
    assert '"task": {"type": "worker", "index": 0}' in found, "an example"


def test_equal_parts_only(monkeypatch):
    (found,) = wrong(monkeypatch, "multiworker", "cpu", tf_config=tf_configs(3)[2])
    assert "--batch_size=4: can't be shared equally by 3 devices" in found


def test_a_port_that_is_taken_is_named(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = {
            "cluster": {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]},
            "task": {"type": "worker", "index": 0},
        }
        (found,) = wrong(monkeypatch, "multiworker", "cpu", tf_config=json.dumps(config))
    assert f"port {port} of this worker" in found
