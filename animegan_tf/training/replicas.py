"""The devices and workers that train together, as `tf.distribute` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from animegan_tf.training.workers import worker_of

Tensors = dict[str, tf.Tensor]


class Replicas:
    """All replicas of the strategy in whose scope this is made.

    Attributes:
        worker: which of the workers this process is.
    """

    def __init__(self) -> None:
        self._strategy = tf.distribute.get_strategy()
        self.worker = worker_of(self._strategy)
        self._here = self._strategy.num_replicas_in_sync // self.worker.total
        self._sum = tf.function(self._sum_over_replicas)

    def compile(self, step: Callable[[Tensors], Tensors], *, xla: bool = False) -> Callable:
        """The compiled step: takes each replica's rows, and returns the losses of the whole batch.

        Args:
            step: from a replica's rows to named scalars that are the same on all replicas.
            xla: compile with XLA.
        """

        def run(batch):
            values = self._strategy.run(step, args=(batch,))
            return {
                name: self._strategy.experimental_local_results(value)[0]
                for name, value in values.items()
            }

        return tf.function(run, jit_compile=True if xla else None)

    def distribute(self, batch: Mapping[str, tf.Tensor]) -> Tensors:
        """Hands the rows of this process's batch in equal parts to its replicas."""
        parts = {name: tf.split(rows, self._here) for name, rows in batch.items()}
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: {
                name: part[context.replica_id_in_sync_group % self._here]
                for name, part in parts.items()
            }
        )

    def ask_workers(self, value: float) -> list[float]:
        """The values that the workers give, by their index; waits until all have."""
        if self.worker.total == 1:
            return [value]
        own = value * tf.one_hot(self.worker.number, self.worker.total)
        values = self._strategy.experimental_distribute_values_from_function(
            lambda context: (
                own if context.replica_id_in_sync_group % self._here == 0 else tf.zeros_like(own)
            )
        )
        return self._sum(values).numpy().tolist()

    def wait_for_workers(self) -> None:
        """Returns once all workers have called it."""
        self.ask_workers(0)

    def _sum_over_replicas(self, values):
        def total(value):
            context = tf.distribute.get_replica_context()
            on_device = tf.identity(value)  # A function's argument names no device to reduce on.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, on_device)

        totals = self._strategy.run(total, args=(values,))
        return self._strategy.experimental_local_results(totals)[0]


def apply_gradients(
    optimizer: tf.keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    total: tf.Tensor,
    variables: list[tf.Variable],
) -> None:
    """Inside a step: updates by the gradient of the whole batch; Keras sums over the replicas."""
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    gradients = [gradient / replicas for gradient in tape.gradient(total, variables)]
    optimizer.apply_gradients(zip(gradients, variables))


def mean_of_replicas(values: Tensors) -> Tensors:
    """Inside a step: each value's mean over the replicas."""
    context = tf.distribute.get_replica_context()
    means = context.all_reduce(tf.distribute.ReduceOp.MEAN, list(values.values()))
    return dict(zip(values, means))
