"""Both encoders write the same text, of which identities are hashes."""

import importlib.util
import json.encoder
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur_core.store import identity


class Colour(IntEnum):
    RED = 3


class Word(StrEnum):
    SGD = "sgd"


class Half(float):
    def __repr__(self):
        return "a half"


# Written by hand from RFC 8259 and Python's documentation of repr(float).
TEXTS = [
    (None, "null"),
    (True, "true"),
    (0, "0"),
    (-7, "-7"),
    (2**64, "18446744073709551616"),
    (-(10**40), "-1" + "0" * 40),
    (Colour.RED, "3"),
    (Word.SGD, '"sgd"'),
    (Half(0.5), "0.5"),
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (1.0, "1.0"),
    (0.1, "0.1"),
    (0.1 + 0.2, "0.30000000000000004"),
    (1e16, "1e+16"),
    (1e15, "1000000000000000.0"),
    (1e-5, "1e-05"),
    (0.0001, "0.0001"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    ("", '""'),
    ("a/b", '"a/b"'),
    ('say "\\"', r'"say \"\\\""'),
    ("\b\f\n\r\t", r'"\b\f\n\r\t"'),
    ("\0\x1f\x7f", '"\\u0000\\u001f\x7f"'),
    ("ä€𝄞\u2028", '"ä€𝄞\u2028"'),
    ("\ud800", '"\ud800"'),
    ((), "[]"),
    ({}, "{}"),
    ([1, (2.5, [None, False])], "[1,[2.5,[null,false]]]"),
    ({"b": 1, "a": {"d": [], "c": {}}}, '{"a":{"c":{},"d":[]},"b":1}'),
    ({"é": 1, "z": 2, "Z": 3, "": 4, "\U0001f600": 5, "\uffff": 6},
     '{"":4,"Z":3,"z":2,"é":1,"\uffff":6,"\U0001f600":5}'),
    ({2: "b", 1: "a"}, '{"1":"a","2":"b"}'),
    ({0.5: None}, '{"0.5":null}'),
    ([0.1, -0.0, "ä", 2**70], '[0.1,-0.0,"ä",1180591620717411303424]'),
]  # fmt: skip

REFUSED = [
    (float("nan"), ValueError),
    (float("inf"), ValueError),
    ([float("-inf")], ValueError),
    ({"lr": float("nan")}, ValueError),
    ({float("nan"): 1}, ValueError),
    (b"bytes", TypeError),
    ({"a": {1, 2}}, TypeError),
    ({(1, 2): 3}, TypeError),
    ({"a": 1, 2: 3}, TypeError),
    (10**5000, ValueError),
]


@pytest.fixture(scope="module")
def python_only():
    """The module without the C encoder of CPython."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json.encoder, "c_make_encoder", None)
        patch.setattr(json.encoder, "encode_basestring", json.encoder.py_encode_basestring)
        yield fresh()


def fresh():
    spec = importlib.util.spec_from_file_location("fresh_identity", identity.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["c", "python"])
def canonical_json(request):
    if request.param == "c":
        return identity.canonical_json
    return request.getfixturevalue("python_only").canonical_json


def test_the_encoder_in_c_is_used_where_there_is_one(python_only):
    assert identity._encode is not identity._encode_public
    assert python_only._encode is python_only._encode_public


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[ascii(text) for _, text in TEXTS])
def test_a_value_has_one_canonical_text(canonical_json, value, text):
    assert canonical_json(value) == text


@pytest.mark.parametrize(("value", "error"), REFUSED, ids=range(len(REFUSED)))
def test_values_without_json_are_refused(canonical_json, value, error):
    with pytest.raises(error):
        canonical_json(value)


@pytest.mark.parametrize("changed", [lambda *_: lambda value, level: "{}", lambda: None])
def test_a_private_encoder_with_another_signature_is_not_used(monkeypatch, changed):
    monkeypatch.setattr(json.encoder, "c_make_encoder", changed)
    module = fresh()
    assert module._encode is module._encode_public


def test_a_missing_private_encoder_is_replaced(monkeypatch):
    monkeypatch.delattr(json.encoder, "c_make_encoder")
    assert fresh()._encode.__self__.sort_keys


def test_the_identity_of_hyperparameters_never_changes(python_only):
    prm = {"lr": 0.01, "batch": 64, "transform": "norm_256_flip", "bias": True, "wärme": -0.0}
    # printf '%s' TEXT | sha256sum | cut -c 1-32
    text = '{"batch":64,"bias":true,"lr":0.01,"transform":"norm_256_flip","wärme":-0.0}'
    assert identity.canonical_json(prm) == python_only.canonical_json(prm) == text
    assert identity.prm_uid(prm) == python_only.prm_uid(prm) == "2cfa0d11ed06882a0b5a3a981f34e715"


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner)
)


@given(value=values)
def test_both_encoders_give_the_same_text(python_only, value):
    assert identity.canonical_json(value) == python_only.canonical_json(value)
