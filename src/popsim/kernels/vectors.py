"""Vectors: as many lanes as one instruction of the processor works on together.

The compiler makes vectors of loops over lanes by itself, but of nothing that lies around them: what
a loop over ages adds up would be stored and loaded again at every age. With vectors as values, ages
lie inside, and sums stay where they are computed. A vector is used like a number: ``+``, ``-``,
``*`` and ``/`` are those of IEEE 754, lane by lane, and a loop over lanes takes steps of
:data:`WIDTH`. No bit depends on the width.
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, register_model

__all__ = ["WIDTH", "fetch", "load", "multiply_add", "over_positive", "spread", "store"]


def _width() -> int:
    features = llvmlite.binding.get_host_cpu_features()
    return 8 if features.get("avx512f") else 4 if features.get("avx2") else 2


WIDTH = _width()
"""Lanes of a vector; a divisor of the lanes of a tile."""

_NUMBER = ir.DoubleType()
_NUMBERS = ir.VectorType(_NUMBER, WIDTH)


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"vector(float64, {WIDTH})")


_VECTOR = _Vector()
# What it makes is known to numba, not to a reader of types.
_inline: Any = intrinsic


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _NUMBERS)


def _make_operator(symbol: Any, instruction: str) -> None:
    """Compile an operator between vectors to one instruction."""
    cases = [signature(_VECTOR, _VECTOR, _VECTOR)]
    infer_global(symbol)(type("_Typing", (ConcreteTemplate,), {"cases": cases}))

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return getattr(builder, instruction)(*values)

    lower_builtin(symbol, _VECTOR, _VECTOR)(lower)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _make_operator(_symbol, _instruction)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Return a pointer to the vector that begins at a position of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _NUMBERS.as_pointer())


@_inline
def load(typing: Any, array: Any, at: Any) -> Any:
    """Return the lanes from ``at`` on of a flat array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _place(context, builder, signature.args[0], *values)
        return builder.load(place, align=8)

    return _VECTOR(array, at), generate


@_inline
def store(typing: Any, array: Any, at: Any, vector: Any) -> Any:
    """Write a vector into a flat array, from ``at`` on."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _place(context, builder, signature.args[0], *values[:2])
        builder.store(values[2], place, align=8)
        return context.get_dummy_value()

    return types.none(array, at, vector), generate


@_inline
def fetch(typing: Any, array: Any, at: Any, to_write: Any) -> Any:
    """Ask for the cache line of a position of a C-contiguous array, counted flat: used soon.

    Nothing is read, and a position beyond the end does no harm.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.bitcast(builder.gep(data, [values[1]]), byte)
        builder.call(call, [place, word(int(to_write.literal_value)), word(3), word(1)])
        return context.get_dummy_value()

    if not isinstance(to_write, types.Literal):
        return None
    return types.none(array, at, to_write), generate


def _spread(builder: Any, number: Any) -> Any:
    first = builder.insert_element(ir.Constant(_NUMBERS, ir.Undefined), number, _lane(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, ir.Constant(_NUMBERS, ir.Undefined), lanes)


def _lane(number: int) -> Any:
    return ir.Constant(ir.IntType(32), number)


@_inline
def spread(typing: Any, number: Any) -> Any:
    """Return a vector of the same number."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _spread(builder, values[0])

    return _VECTOR(types.float64), generate


@_inline
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` of numbers or vectors with one rounding, wherever the compiler puts it.

    Left to the compiler, products and sums would be fused in one form of a loop and not in another,
    and the bits of a draw would depend on the form.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = values[0].type
        name = "llvm.fmuladd." + (f"v{WIDTH}f64" if number == _NUMBERS else "f64")
        kind = ir.FunctionType(number, [number] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)

    return a(a, a, a), generate


@_inline
def over_positive(typing: Any, number: Any, vector: Any) -> Any:
    """Return a number divided by each lane that is above 0, and 0 elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        none = ir.Constant(_NUMBERS, [0.0] * WIDTH)
        above = builder.fcmp_ordered(">", values[1], none)
        return builder.select(above, builder.fdiv(_spread(builder, values[0]), values[1]), none)

    return _VECTOR(types.float64, _VECTOR), generate
