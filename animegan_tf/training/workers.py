"""Several devices, and several workers, under a `tf.distribute` strategy."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from animegan_tf.devices import prepare_gpu, select_device
from animegan_tf.errors import Finding, UserError, WorkFailed

TF_CONFIG_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def select_devices(strategy: str, device: str, *, batch_size: int, xla: bool = False) -> str:
    """Makes TensorFlow use the devices that a strategy is to run on, and checks that it can.

    Call it before TensorFlow computes anything. It does not wait for other workers.

    Args:
        strategy: "none" (one device, see `select_device`), "mirrored" (all GPUs of the machine)
            or "multiworker" (the workers that TF_CONFIG names, each with all its GPUs, or with
            what `device` says).
        device: as in `select_device`.
        batch_size: rows of a batch on all devices together.
        xla: whether the step is to be compiled with XLA.

    Returns:
        What was chosen, for the log.

    Raises:
        UserError: too few GPUs, a TF_CONFIG that makes no sense, or settings that don't go
            together; all findings at once.
    """
    if strategy == "none":
        return select_device(device)
    flag = f"--strategy={strategy}"
    findings = []
    if xla:
        findings.append(
            Finding(f"{flag}, --xla", "XLA compiles a step for one device", "Leave one of both out")
        )
    gpus = tf.config.list_physical_devices("GPU")
    shares_all_gpus = device.lower() in ("auto", "gpu")
    workers = 1
    if strategy == "mirrored":
        if not shares_all_gpus:
            findings.append(
                Finding(
                    f"{flag}, --device={device}",
                    "mirrored takes all GPUs",
                    "Leave --device out; CUDA_VISIBLE_DEVICES chooses among them",
                )
            )
        elif len(gpus) < 2:
            seen = ", ".join(gpu.name for gpu in gpus) or "none"
            findings.append(
                Finding(
                    flag,
                    f"needs two GPUs or more, and TensorFlow sees {len(gpus)} ({seen})",
                    "Leave it out, or install a CUDA build: pip install 'tensorflow[and-cuda]'",
                )
            )
    else:
        try:
            workers = _worker_in_tf_config().total
        except UserError as error:
            findings += error.findings
    try:
        if shares_all_gpus and gpus:
            names = [prepare_gpu(gpu) for gpu in gpus]
            replicas, chosen = workers * len(gpus), ", ".join(names)
        else:
            replicas, chosen = workers, select_device(device)
    except UserError as error:
        raise UserError(findings + error.findings) from error
    if batch_size % replicas:
        findings.append(
            Finding(
                f"--batch_size={batch_size}",
                f"can't be shared equally by {replicas} devices",
                f"It counts the pictures on all devices together: give a multiple of {replicas}",
            )
        )
    if findings:
        raise UserError(findings)
    return chosen if workers == 1 else f"{chosen}, on each of {workers} workers"


def start_strategy(strategy: str) -> tf.distribute.Strategy:
    """Starts what `select_devices` has checked; with "multiworker", waits for all workers.

    Raises:
        UserError: this worker's port is taken, or another worker can't be reached.
    """
    if strategy == "none":
        return tf.distribute.get_strategy()
    if strategy == "mirrored":
        return tf.distribute.MirroredStrategy()
    worker = _worker_in_tf_config()
    print(f"worker {worker.number} of {worker.total}: waiting for the others", flush=True)
    with lost_workers_reported(worker):
        return tf.distribute.MultiWorkerMirroredStrategy()


class Worker(NamedTuple):
    """One of the processes that train together.

    Attributes:
        number: 0 is the chief, which writes the run folder.
        total: 1 without `--strategy=multiworker`.
    """

    number: int
    total: int


def worker_of(strategy: tf.distribute.Strategy) -> Worker:
    """Which of a strategy's workers this process is."""
    resolver = strategy.cluster_resolver
    if resolver is None:
        return Worker(0, 1)
    jobs = resolver.cluster_spec().as_dict()
    chiefs = len(jobs.get("chief", ()))
    index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return Worker(index, chiefs + len(jobs.get("worker", ())))


def _worker_in_tf_config():
    def wrong(reason):
        return UserError(
            Finding(
                "TF_CONFIG",
                reason,
                "Set it on each worker, with the worker's "
                f"own index, such as: TF_CONFIG='{TF_CONFIG_EXAMPLE}'",
            )
        )

    text = os.environ.get("TF_CONFIG")
    if not text:
        raise wrong("--strategy=multiworker needs it, and it is not set")
    try:
        config = json.loads(text)
        jobs, kind, index = config["cluster"], config["task"]["type"], config["task"]["index"]
        addresses = {job: list(jobs[job]) for job in jobs}
    except (ValueError, KeyError, TypeError) as error:
        raise wrong(f"can't be understood ({type(error).__name__}: {error})") from error
    if not addresses.keys() <= {"chief", "worker"} or len(addresses.get("chief", ())) > 1:
        raise wrong(
            f"has the jobs {', '.join(addresses)}, where only workers, and one chief if "
            "wanted, train together"
        )
    everyone = addresses.get("chief", []) + addresses.get("worker", [])
    if not all(isinstance(a, str) and re.fullmatch(r".+:\d+", a) for a in everyone):
        raise wrong("has an address that is not host:port")
    if len(set(everyone)) < len(everyone):
        raise wrong("names an address twice")
    if type(index) is not int or not 0 <= index < len(addresses.get(kind, ())):
        raise wrong(f"gives this worker as {kind} {index}, which its cluster doesn't have")
    address = addresses[kind][index]
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", int(address.rpartition(":")[2])))
        except (OSError, OverflowError) as error:
            raise wrong(
                f"port {address.rpartition(':')[2]} of this worker ({address}) can't be "
                f"opened ({error})"
            ) from error
    return Worker(everyone.index(address), len(everyone))


_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
    tf.errors.FailedPreconditionError,
)


@contextlib.contextmanager
def lost_workers_reported(worker: Worker) -> Iterator[None]:
    """What TensorFlow raises when another worker is gone becomes a WorkFailed."""
    try:
        yield
    except _LOST as error:
        if worker.total == 1:
            raise
        peer = re.search(r"/job:(\w+)/replica:\d+/task:(\d+)", str(error))
        reason = re.search(r"Connection \w+|[Hh]eartbeat|[Tt]ime(d )?out", str(error))
        raise WorkFailed(
            Finding(
                f"worker {worker.number} of {worker.total}",
                f"lost {' '.join(peer.groups()) if peer else 'another worker'} of "
                f"TF_CONFIG's cluster ({reason[0] if reason else type(error).__name__})",
                "See why in the output of that one; then start all of them again, with --resume",
            )
        ) from error
