"""A SIMD vector type for numba: one float32 of each member that is trained.

Layers are ordinary numba functions. What they use of vectors is defined here, with numba's
extension API:

- `Vector`: a number in each lane, in a register. ``+ - * /`` take vectors and numbers, and
  ``< <= > >= == !=`` return a `Mask`.
- `Vectors`: vectors in memory, indexed without a check of the bounds. Those of ``vectors(pointer,
  start, lanes)`` begin ``start * lanes`` numbers after a pointer to float32, which is aligned to
  the size of a vector. Those of ``tile(size, lanes)`` belong to the function: LLVM keeps them in
  registers if the loops over them have constant bounds.
- `splat`, `fma`, `sqrt`, `select`, `power_of_two` and `exponent`.

Each lane is computed by itself and rounded as IEEE 754 says; LLVM neither reorders nor fuses what
is written. So a member's bits depend neither on its lane nor on the number of lanes.
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


register_model(Vector)(lambda m, kind: models.PrimitiveModel(m, kind, kind.of(FLOAT32)))
register_model(Mask)(lambda m, kind: models.PrimitiveModel(m, kind, kind.of(ir.IntType(1))))
register_model(Vectors)(
    lambda m, kind: models.PrimitiveModel(m, kind, kind.of(FLOAT32).as_pointer())
)


def _splat(builder: Any, value: Any, kind: ir.VectorType) -> Any:
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT32(0))
    zeros = ir.Constant(ir.VectorType(INT32, kind.count), [INT32(0)] * kind.count)
    return builder.shuffle_vector(first, first, zeros)


def _vectors(context: Any, builder: Any, values: Any, kinds: Any, wanted: Vector) -> list[Any]:
    """Return values as vectors; a number becomes the same in each lane."""
    results = []
    for value, kind in zip(values, kinds, strict=True):
        if isinstance(kind, Vector):
            results.append(value)
        else:
            number = context.cast(builder, value, kind, types.float32)
            results.append(_splat(builder, number, wanted.of(FLOAT32)))
    return results


def _common(kinds: Any) -> Any:
    """Return the type of vector that operands have in common, None if there is none."""
    common = {kind for kind in kinds if isinstance(kind, Vector)}
    fits = all(isinstance(kind, Vector | types.Number) for kind in kinds)
    return common.pop() if len(common) == 1 and fits else None


def _operator(function: Any, result: type[_Lanes], emit: Any) -> None:
    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            kind = _common(args) if len(args) == 2 else None
            return kind and signature(result(kind.lanes), *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit(builder, *_vectors(context, builder, args, sig.args, _common(sig.args)))

    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(function, *pair)(lower)


for _name, _emit in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _operator(getattr(operator, _name), Vector, getattr(ir.IRBuilder, _emit))
for _name, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "==")):
    _operator(
        getattr(operator, _name), Mask, lambda builder, x, y, s=_sign: builder.fcmp_ordered(s, x, y)
    )
_operator(operator.ne, Mask, lambda builder, x, y: builder.fcmp_unordered("!=", x, y))


@infer_global(operator.getitem)
@infer_global(operator.setitem)
class _Item(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if not isinstance(args[0], Vectors):
            return None
        value = Vector(args[0].lanes)
        if len(args) == 2:
            return signature(value, args[0], types.intp)
        return signature(types.none, args[0], types.intp, value)


@lower_builtin(operator.getitem, Vectors, types.intp)
def _lower_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(builder.gep(args[0], [args[1]]), align=4 * sig.return_type.lanes)


@lower_builtin(operator.setitem, Vectors, types.intp, Vector)
def _lower_set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    builder.store(args[2], builder.gep(args[0], [args[1]]), align=4 * sig.args[2].lanes)
    return context.get_dummy_value()


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


@intrinsic(prefer_literal=True)
def splat(context: Any, number: Any, lanes: Any) -> Any:
    """Return a number in each lane."""
    kind = Vector(lanes.literal_value)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _vectors(context, builder, args[:1], sig.args[:1], kind)[0]

    return kind(number, lanes), generate


def _llvm(name: str, kinds: Any) -> Any:
    """Return the signature and the code of a call of LLVM's function of this name."""
    kind = _common(kinds)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = _vectors(context, builder, args, sig.args, kind)
        of = ir.FunctionType(values[0].type, [value.type for value in values])
        full = f"llvm.{name}.v{kind.lanes}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, of, full), values)

    return kind(*kinds), generate


@intrinsic
def fma(context: Any, x: Any, y: Any, z: Any) -> Any:
    """Return ``x * y + z``, rounded once."""
    return _llvm("fma", (x, y, z))


@intrinsic
def sqrt(context: Any, x: Any) -> Any:
    """Return the square root."""
    return _llvm("sqrt", (x,))


@intrinsic
def select(context: Any, mask: Any, x: Any, y: Any) -> Any:
    """Return ``x`` in the lanes where the mask is true, and ``y`` in the others."""
    kind = Vector(mask.lanes)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(args[0], *_vectors(context, builder, args[1:], sig.args[1:], kind))

    return kind(mask, x, y), generate


@intrinsic
def power_of_two(context: Any, exponent: Any) -> Any:
    """Return 2**exponent for whole numbers from -126 to 127, and anything for other numbers."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        floats, ints = exponent.of(FLOAT32), exponent.of(INT32)
        # The lowest bits of this sum are the exponent, and float32 has it from bit 23 on.
        total = builder.fadd(args[0], _splat(builder, FLOAT32(1.5 * 2**23), floats))
        bits = builder.shl(builder.bitcast(total, ints), _splat(builder, INT32(23), ints))
        bits = builder.add(bits, _splat(builder, INT32(127 << 23), ints))
        return builder.bitcast(bits, floats)

    return exponent(exponent), generate


@intrinsic
def exponent(context: Any, x: Any) -> Any:
    """Return the largest whole number n with 2**n <= x, for x from 2**-126; 128 for NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        floats, ints = x.of(FLOAT32), x.of(INT32)
        bits = builder.lshr(builder.bitcast(args[0], ints), _splat(builder, INT32(23), ints))
        return builder.sitofp(builder.sub(bits, _splat(builder, INT32(127), ints)), floats)

    return x(x), generate
