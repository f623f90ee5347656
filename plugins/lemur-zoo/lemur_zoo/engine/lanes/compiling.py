"""Compile functions, and keep what was compiled for the next process.

A layer's functions get pointers to float32 numbers and return nothing:

- a forward function the parameters and the values of the net,
- a backward function the parameters, the values and the gradient,
- an optimizer's step the parameters, the gradient, the first and second moments, and its settings.

Their addresses are numbers, so the function that trains is compiled once and calls those of any
net with `call`.

numba finds what it keeps by a function's bytecode, the values that the function closes over, the
processor, and the time of the function's own file. A change of another file that the function is
made from would go unnoticed, so the text of all modules of this package is part of the key.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.caching import FunctionCache, NullCache
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

inline = njit(forceinline=True, error_model="numpy")
"""Decorator of a small function that becomes part of those that call it."""


def _sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


SOURCES = _sources()
_POINTER = types.CPointer(types.float32)


class _Cache(FunctionCache):
    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return super()._index_key(sig, codegen), SOURCES


def _cache(function: Callable[..., Any]) -> Any:
    try:
        return _Cache(function)
    # There is no folder that can be written to.
    except RuntimeError:
        return NullCache()


def _compiled(pointers: int, function: Callable[..., None]) -> Any:
    signature = (_POINTER,) * pointers, types.void
    compiled: Any = CFunc(function, signature, {}, {"error_model": "numpy"})
    compiled._cache = _cache(function)
    compiled.compile()
    return compiled


forward, backward, step = (partial(_compiled, pointers) for pointers in (2, 3, 5))
"""Decorators that compile a function of a layer or an optimizer; the result has an ``address``."""


def loop(function: Callable[..., Any]) -> Any:
    """Compile a function that calls others by their addresses, without the interpreter's lock."""
    dispatcher: Any = njit(nogil=True, error_model="numpy")(function)
    dispatcher._cache = _cache(function)
    return dispatcher


@intrinsic
def call(context: Any, address: Any, pointers: Any) -> Any:
    """Call the function at an address with a tuple of addresses, its arguments."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.FloatType().as_pointer()
        values = cgutils.unpack_tuple(builder, args[1], pointers.count)
        function = ir.FunctionType(ir.VoidType(), [pointer] * len(values))
        callee = builder.inttoptr(args[0], function.as_pointer())
        builder.call(callee, [builder.inttoptr(value, pointer) for value in values])
        return context.get_dummy_value()

    return types.none(address, pointers), generate
