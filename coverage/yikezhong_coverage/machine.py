"""Two instructions of the processor that Python has no words for.

Both do nothing that plain code could not: one tells what will be read soon, so that it
is there when it is needed, the other counts the zeros below the lowest bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def fetch_soon(values: np.ndarray, index: int) -> None:
    """Have the processor bring an item of an array near; uncompiled, do nothing.

    The index need not be one of the array's: nothing is read.
    """


def lowest_bit(bits: int) -> int:
    """Return the place of the lowest bit that is set; there has to be one.

    Examples
    --------
    >>> lowest_bit(0b1100)
    2
    """
    return (int(bits) & -int(bits)).bit_length() - 1


@intrinsic
def _fetch(_context: Any, values: Any, index: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], signature.args[1], types.intp)
        address = builder.gep(array.data, [place])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        declare: Any = cgutils.get_or_insert_function
        call = declare(builder.module, kind, "llvm.prefetch.p0")
        # for reading, to be kept in all caches, data
        builder.call(call, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(values, index), emit


@intrinsic
def _zeros(_context: Any, bits: Any) -> Any:
    def emit(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), emit


@overload(fetch_soon, strict=False)
def _compiled_fetch_soon(values: Any, index: Any) -> Any:
    fetch: Any = _fetch
    return lambda values, index: fetch(values, index)


@overload(lowest_bit, strict=False)
def _compiled_lowest_bit(bits: Any) -> Any:
    zeros: Any = _zeros
    return lambda bits: zeros(bits)
