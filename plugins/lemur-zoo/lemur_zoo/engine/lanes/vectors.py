"""A SIMD vector type for numba: one float32 for each member that is trained together.

This is the only module of the engine that generates LLVM instructions; all others are ordinary
numba functions. It defines, with numba's extension API:

- `Vector`: the values of one number in all members, in a register. ``+ - * /`` work on vectors and
  on a vector and a number; ``< <= > >= == !=`` return a `Mask`, and masks have ``|``.
- `Vectors`: vectors in memory, indexed from 0 without a check of the bounds. ``vectors(pointer,
  start, lanes)`` are those that begin ``start * lanes`` numbers after a pointer to float32, which
  is aligned to the size of a vector. ``tile(size, lanes)`` are vectors that a function keeps for
  itself; if loops over a tile have constant bounds, LLVM unrolls them and keeps it in registers.
- `splat`, `fma`, `sqrt`, `select` and `power_of_two`.
- `call`: call a compiled function by its address.

An operation is applied to each lane by itself and is rounded as IEEE 754 defines it: LLVM may not
reorder or fuse additions and multiplications. So the bits of a member depend neither on its lane
nor on the number of lanes.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

INT32, FLOAT32 = ir.IntType(32), ir.FloatType()


class _Lanes(types.Type):
    """A type with a number of lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"{type(self).__name__}({lanes})")

    def of(self, element: ir.Type) -> ir.VectorType:
        return ir.VectorType(element, self.lanes)


class Vector(_Lanes):
    """A float32 in each lane."""


class Mask(_Lanes):
    """A truth value in each lane."""


class Vectors(_Lanes):
    """Vectors in memory."""


def _register(kind: type[_Lanes], represent: Any) -> None:
    @register_model(kind)
    class Model(models.PrimitiveModel):
        def __init__(self, manager: Any, numba_type: Any) -> None:
            super().__init__(manager, numba_type, represent(numba_type))


_register(Vector, lambda kind: kind.of(FLOAT32))
_register(Mask, lambda kind: kind.of(ir.IntType(1)))
_register(Vectors, lambda kind: kind.of(FLOAT32).as_pointer())


def _splat(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, INT32(0))
    zeros = ir.Constant(ir.VectorType(INT32, kind.count), [INT32(0)] * kind.count)
    return builder.shuffle_vector(first, undefined, zeros)


def _vector(context: Any, builder: Any, value: Any, given: Any, wanted: Vector) -> Any:
    """Return a value as a vector; a number becomes the same in each lane."""
    if isinstance(given, Vector):
        return value
    number = context.cast(builder, value, given, types.float32)
    return _splat(builder, number, wanted.of(FLOAT32))


def _common(args: tuple[Any, ...]) -> Vector | None:
    """Return the type of vector that values have in common, None if they are not such values."""
    found = {arg for arg in args if isinstance(arg, Vector)}
    fits = all(isinstance(arg, Vector | types.Number) for arg in args)
    return found.pop() if len(found) == 1 and fits else None


def _operator(function: Any, result: type[_Lanes], emit: Any) -> None:
    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            kind = _common(args) if len(args) == 2 else None
            return kind and signature(result(kind.lanes), *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = _common(sig.args)
        pairs = zip(args, sig.args, strict=True)
        return emit(builder, *(_vector(context, builder, a, t, kind) for a, t in pairs))

    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(function, *pair)(lower)


for _function, _name in (
    *((operator.add, "fadd"), (operator.sub, "fsub")),
    *((operator.mul, "fmul"), (operator.truediv, "fdiv")),
):
    _operator(_function, Vector, lambda builder, x, y, name=_name: getattr(builder, name)(x, y))
for _function, _sign in (
    *((operator.lt, "<"), (operator.le, "<="), (operator.eq, "==")),
    *((operator.gt, ">"), (operator.ge, ">=")),
):
    _operator(_function, Mask, lambda builder, x, y, s=_sign: builder.fcmp_ordered(s, x, y))
_operator(operator.ne, Mask, lambda builder, x, y: builder.fcmp_unordered("!=", x, y))


@intrinsic(prefer_literal=True)
def vectors(context: Any, pointer: Any, start: Any, lanes: Any) -> Any:
    """Return the vectors in memory from a position on."""
    kind = Vectors(lanes.literal_value)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.gep(builder.bitcast(args[0], kind.of(FLOAT32).as_pointer()), [args[1]])

    return kind(pointer, types.intp, lanes), generate


@intrinsic(prefer_literal=True)
def tile(context: Any, size: Any, lanes: Any) -> Any:
    """Return vectors whose values are undefined until they are set."""
    kind, count = Vectors(lanes.literal_value), size.literal_value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        with builder.goto_entry_block():
            return builder.alloca(kind.of(FLOAT32), size=INT32(count))

    return kind(size, lanes), generate


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        fits = len(args) == 2 and isinstance(args[0], Vectors)
        return signature(Vector(args[0].lanes), args[0], types.intp) if fits else None


@lower_builtin(operator.getitem, Vectors, types.intp)
def _lower_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(builder.gep(args[0], [args[1]]), align=4 * sig.return_type.lanes)


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if not isinstance(args[0], Vectors):
            return None
        return signature(types.none, args[0], types.intp, Vector(args[0].lanes))


@lower_builtin(operator.setitem, Vectors, types.intp, Vector)
def _lower_set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer, index, value = args
    builder.store(value, builder.gep(pointer, [index]), align=4 * sig.args[2].lanes)
    return context.get_dummy_value()


def _intrinsic(name: str, sig: Any) -> Any:
    """Return a signature and what calls LLVM's intrinsic function of a name on vectors."""
    kind = sig.return_type

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args, sig.args, strict=True)
        values = [_vector(context, builder, a, t, kind) for a, t in pairs]
        of = kind.of(FLOAT32)
        known, name_of = builder.module.globals, f"llvm.{name}.v{kind.lanes}f32"
        function = known.get(name_of) or ir.Function(
            builder.module, ir.FunctionType(of, [of] * len(values)), name_of
        )
        return builder.call(function, values)

    return sig, generate


@intrinsic(prefer_literal=True)
def splat(context: Any, number: Any, lanes: Any) -> Any:
    """Return a number in each lane."""
    kind = Vector(lanes.literal_value)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _vector(context, builder, args[0], sig.args[0], kind)

    return kind(number, lanes), generate


@intrinsic
def fma(context: Any, x: Any, y: Any, z: Any) -> Any:
    """Return ``x * y + z``, rounded once."""
    return _intrinsic("fma", _common((x, y, z))(x, y, z))


@intrinsic
def sqrt(context: Any, x: Any) -> Any:
    """Return the square root."""
    return _intrinsic("sqrt", x(x))


@intrinsic
def select(context: Any, mask: Any, x: Any, y: Any) -> Any:
    """Return ``x`` in the lanes where the mask is true, and ``y`` in the others."""
    kind = Vector(mask.lanes)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args[1:], sig.args[1:], strict=True)
        values = [_vector(context, builder, a, t, kind) for a, t in pairs]
        return builder.select(args[0], *values)

    return kind(mask, x, y), generate


@intrinsic
def power_of_two(context: Any, exponent: Any) -> Any:
    """Return 2**exponent for whole numbers from -126 to 127, and anything for other numbers."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = sig.return_type
        floats, ints = kind.of(FLOAT32), kind.of(INT32)
        # The lowest bits of this sum are the exponent, and float32 has it from bit 23 on.
        shifted = builder.fadd(args[0], _splat(builder, FLOAT32(1.5 * 2**23), floats))
        bits = builder.shl(builder.bitcast(shifted, ints), _splat(builder, INT32(23), ints))
        one = _splat(builder, INT32(127 << 23), ints)
        return builder.bitcast(builder.add(bits, one), floats)

    return exponent(exponent), generate


@intrinsic
def call(context: Any, address: Any, pointers: Any) -> Any:
    """Call the function at an address with a tuple of addresses, its arguments."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = FLOAT32.as_pointer()
        values = cgutils.unpack_tuple(builder, args[1], sig.args[1].count)
        function = ir.FunctionType(ir.VoidType(), [pointer] * len(values))
        callee = builder.inttoptr(args[0], function.as_pointer())
        builder.call(callee, [builder.inttoptr(value, pointer) for value in values])
        return context.get_dummy_value()

    return types.none(address, pointers), generate
