"""Arithmetic that writes itself down as nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Functions:
    """Makes `Expression`s; what `animegan_tf.colors.color_map` needs besides arithmetic.

    Args:
        node: adds a node, by its operation, the names of its inputs, the name of its output, and
            attributes.
        initializer: adds a constant, by its name and array, and returns the name.
        prefix: of the names of all that is added.
    """

    def __init__(
        self, node: Callable[..., None], initializer: Callable[[str, np.ndarray], str], prefix: str
    ):
        self._node, self._initializer, self._prefix = node, initializer, prefix
        self._count = 0

    def apply(
        self, operation: str, *inputs: Any, output: str = "", **attributes: Any
    ) -> Expression:
        """The result of an operation on expressions, arrays, and numbers."""
        names = [self.constant(x).name for x in inputs]
        output = output or self._next(operation.lower())
        self._node(operation, names, output, **attributes)
        return Expression(output, self)

    def constant(self, value: Any) -> Expression:
        """Sizes and indices (arrays of int64) as they are, all other numbers as float32."""
        if isinstance(value, Expression):
            return value
        array = np.asarray(value)
        if not (array.ndim and array.dtype == np.int64):
            array = array.astype(np.float32)
        return Expression(self._initializer(self._next("constant"), array), self)

    def log(self, x):
        return self.apply("Log", x)

    def exp(self, x):
        return self.apply("Exp", x)

    def clip(self, x, low, high):
        return self.apply("Clip", x, low, high)

    def concat(self, parts, axis):
        return self.apply("Concat", *parts, axis=axis)

    def _next(self, kind):
        self._count += 1
        return f"{self._prefix}_{self._count}_{kind}"


def _operator(operation):
    return lambda self, other: self._f.apply(operation, self, other)


class Expression:
    """A tensor of the graph, by its name."""

    # NumPy leaves `array @ expression` to the expression.
    __array_ufunc__ = None

    def __init__(self, name: str, functions: Functions):
        self.name, self._f = name, functions

    __matmul__ = _operator("MatMul")
    __add__ = _operator("Add")
    __sub__ = _operator("Sub")
    __mul__ = _operator("Mul")
    __truediv__ = _operator("Div")

    def __rtruediv__(self, other):
        return self._f.apply("Div", other, self)
