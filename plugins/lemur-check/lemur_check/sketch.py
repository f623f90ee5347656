"""What sources are alike: by their syntax trees, whatever their comments and layout.

Two sources are the same net where their trees are equal but for docstrings and the annotations of
functions, and near copies where most runs of tokens in one tree are in the other: an estimate of
their Jaccard similarity by MinHash (Broder, 1997), whose permutations are multiplications and
shifts (Dietzfelbinger, 1996). Neither hangs on the Python or numpy that finds it, so that both can
be kept.
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

# Tokens in a run, and how many numbers stand for all the runs of a source: the estimate's standard
# deviation is 0.044 at most.
_RUN, WIDTH = 5, 128
_MULTIPLIERS, _SUMMANDS = np.frombuffer(
    hashlib.shake_128(b"lemur").digest(2 * WIDTH * 8), dtype="<u8"
).reshape(2, WIDTH)
# Load and Store follow from where a name stands; of the rest, only some Pythons tell.
_LEFT_OUT = {"ctx", "kind", "type_comment", "type_ignores", "type_params", "returns", "annotation"}
_MOST_BITS = 14_000
_END = object()
_HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Sketch(NamedTuple):
    """What is kept of a source to compare it.

    Attributes:
        tree: SHA-256 of its tokens, hexadecimal; the same of sources that are the same net.
        signature: MinHash of its runs of tokens, uint32, shape (128,).
    """

    tree: str
    signature: np.ndarray[Any, np.dtype[np.uint32]]

    def similarity(self, other: Sketch) -> float:
        """Return the estimated Jaccard similarity of two sources' runs of tokens, 0 to 1."""
        return float((self.signature == other.signature).mean())

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"tree": self.tree, "signature": self.signature.tolist()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Sketch:
        """Return the sketch that gave these facts."""
        return cls(facts["tree"], np.array(facts["signature"], dtype=np.uint32))


def sketch(tree: ast.Module) -> Sketch:
    """Return the sketch of a source's syntax tree."""
    tokens = [token for one in trees_of(tree).values() for token in tokens_of(one)]
    whole = hashlib.sha256("\0".join(tokens).encode(errors="surrogatepass")).hexdigest()
    return Sketch(whole, _minhash(tokens))


def sketch_of(code: str) -> Sketch | None:
    """Return the sketch of a source; None where it is no Python."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return sketch(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def tokens_of(node: Any) -> Iterator[str]:
    """Yield the kinds of nodes, names and constants of a tree, each node before its children."""
    # Not recursive: a source decides how deep its tree is.
    waiting: list[Any] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            yield "["
            waiting += [_END, *reversed(one)]
        elif isinstance(one, ast.AST):
            yield type(one).__name__
            waiting += reversed(_fields(one))
        else:
            yield "]" if one is _END else _constant(one)


def _fields(node: Any) -> list[Any]:
    names = _names(node._fields, isinstance(node, ast.AnnAssign))
    values = [getattr(node, name) for name in names]
    if isinstance(node, _HAS_DOCSTRING) and ast.get_docstring(node, clean=False):
        values[names.index("body")] = node.body[1:]
    return values


@cache
def _names(fields: tuple[str, ...], is_annotation: bool) -> tuple[str, ...]:
    # A Python that has a field more says nothing by it where it is empty.
    left_out = _LEFT_OUT - ({"annotation"} if is_annotation else set())
    return tuple(name for name in fields if name not in left_out)


def _constant(value: Any) -> str:
    # Python writes no decimals of more than 4,300 digits.
    is_long = type(value) is int and value.bit_length() > _MOST_BITS
    return hex(value) if is_long else repr(value)


def _minhash(tokens: list[str]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    # Most runs of a long source occur often.
    each = set(zip(*(tokens[start:] for start in range(_RUN)), strict=False)) or {tuple(tokens)}
    runs = {zlib.crc32("\0".join(run).encode(errors="surrogatepass")) for run in each}
    keys = np.fromiter(runs, dtype=np.uint64, count=len(runs))
    least = np.full(WIDTH, 2**32 - 1, dtype=np.uint64)
    # A source of a million characters has many runs: some at a time.
    for start in range(0, len(keys), 4096):
        some = keys[start : start + 4096, None] * _MULTIPLIERS + _SUMMANDS >> np.uint64(32)
        np.minimum(least, some.min(axis=0), out=least)
    return least.astype(np.uint32)
