"""Compare sources by their syntax trees, whatever their comments and layout.

Two sources are the same net if their trees are equal except for docstrings and the annotations of
functions. They are near copies if most runs of tokens in one tree are also in the other. This is an
estimate of their Jaccard similarity by MinHash (Broder, 1997), whose permutations are
multiplications and shifts (Dietzfelbinger, 1996). Neither depends on the version of Python or
numpy, so both can be stored.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_core.code import trees_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The number of tokens in a run, and the number of values in a signature. With 128 values, the
# standard deviation of the estimate is at most 0.044.
_RUN, WIDTH = 5, 128
_MULTIPLIERS, _SUMMANDS = np.frombuffer(
    hashlib.shake_128(b"lemur").digest(2 * WIDTH * 8), dtype="<u8"
).reshape(2, WIDTH)
# Load and Store follow from a name's position. The others are only reported by some versions of
# Python, or are not compared.
_LEFT_OUT = {"ctx", "kind", "type_comment", "type_ignores", "type_params", "returns", "annotation"}
_MOST_BITS = 14_000
_END = object()
_HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Sketch(NamedTuple):
    """The part of a source that is stored to compare it with others.

    Attributes:
        tree: SHA-256 of the tokens in hexadecimal; equal for sources that are the same net.
        signature: MinHash of the runs of tokens, uint32, shape (128,).
    """

    tree: str
    signature: np.ndarray[Any, np.dtype[np.uint32]]

    def similarity(self, other: Sketch) -> float:
        """Return the estimated Jaccard similarity of two sources' runs of tokens, 0 to 1."""
        return float((self.signature == other.signature).mean())

    def facts(self) -> dict[str, Any]:
        """Return the fields as values for JSON."""
        return {"tree": self.tree, "signature": self.signature.tolist()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Sketch:
        """Return the sketch with these facts."""
        return cls(facts["tree"], np.array(facts["signature"], dtype=np.uint32))


def sketch(tree: ast.Module) -> Sketch:
    """Return the sketch of a source's syntax tree."""
    tokens = [token for module_tree in trees_of(tree).values() for token in tokens_of(module_tree)]
    tree_hash = hashlib.sha256("\0".join(tokens).encode(errors="surrogatepass")).hexdigest()
    return Sketch(tree_hash, _minhash(tokens))


def sketch_of(code: str) -> Sketch | None:
    """Return the sketch of a source, or None if it is not Python."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return sketch(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def tokens_of(node: Any) -> Iterator[str]:
    """Yield a tree's node types, names and constants, each node before its children."""
    # Not recursive, because the source determines the depth of its tree.
    pending: list[Any] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            yield "["
            pending += [_END, *reversed(item)]
        elif isinstance(item, ast.AST):
            yield type(item).__name__
            pending += reversed(_fields(item))
        else:
            yield "]" if item is _END else _constant(item)


def _fields(node: Any) -> list[Any]:
    names = _names(node._fields, isinstance(node, ast.AnnAssign))
    values = [getattr(node, name) for name in names]
    if isinstance(node, _HAS_DOCSTRING) and ast.get_docstring(node, clean=False):
        values[names.index("body")] = node.body[1:]
    return values


@cache
def _names(fields: tuple[str, ...], is_annotation: bool) -> tuple[str, ...]:
    # Without these fields, the tokens do not depend on the version of Python.
    left_out = _LEFT_OUT - ({"annotation"} if is_annotation else set())
    return tuple(name for name in fields if name not in left_out)


def _constant(value: Any) -> str:
    # Python does not convert integers of more than 4,300 decimal digits.
    is_long = type(value) is int and value.bit_length() > _MOST_BITS
    return hex(value) if is_long else repr(value)


def _minhash(tokens: list[str]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    # Most runs of a long source occur often, so they are deduplicated before hashing.
    runs = set(zip(*(tokens[start:] for start in range(_RUN)), strict=False)) or {tuple(tokens)}
    hashes = {zlib.crc32("\0".join(run).encode(errors="surrogatepass")) for run in runs}
    keys = np.fromiter(hashes, dtype=np.uint64, count=len(hashes))
    minima = np.full(WIDTH, 2**32 - 1, dtype=np.uint64)
    # A source of a million characters has many runs, so they are processed in chunks.
    for start in range(0, len(keys), 4096):
        products = keys[start : start + 4096, None] * _MULTIPLIERS + _SUMMANDS >> np.uint64(32)
        np.minimum(minima, products.min(axis=0), out=minima)
    return minima.astype(np.uint32)
