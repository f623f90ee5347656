"""Decimal commas are rejected with the values that they would have meant; lists are accepted."""

import pytest

from lemur_core.errors import SpaceError
from lemur_core.settings import Settings
from lemur_core.space import Choice, Interval, net_space, override, parse_range

OWN = {"weight_decay": "0", "layers": "1..8 int", "bias": "0,1", "beta": "0..20", "kernel": "3,5"}


@pytest.mark.parametrize(
    ("name", "text", "values", "decimals"),
    [
        ("lr", "0,001", "0 and 1", "0.001"),
        ("lr", "0,1", "0 and 1", "0.1"),
        ("lr", "1,5", "1 and 5", "1.5"),
        ("lr", "1,5e-3", "1 and 0.005", "1.5e-3"),
        ("lr", "0,001,0,01", "0 and 1 and 0 and 1", "0.001,0.01"),
        ("lr", "0,1,0,2", "0 and 1 and 0 and 2", "0.1,0.2"),
        ("lr", "1.000,5", "1.0 and 5", "1000.5"),
        ("dropout", "0,5", "0 and 5", "0.5"),
        ("dropout", "0,5, 0,9", "0 and 5 and 0 and 9", "0.5,0.9"),
        ("dropout", "0,5;0,9", "0 and 5 and 0 and 9", "0.5,0.9"),
        ("weight_decay", "0,0001", "0 and 1", "0.0001"),
        ("batch", "1,024", "1 and 24", "1.024"),
        ("beta", "12,5", "12 and 5", "12.5"),
    ],
)
def test_decimal_commas_are_rejected_with_both_readings(name, text, values, decimals):
    with pytest.raises(SpaceError) as caught:
        override(net_space({"lr": "1e-5..1 log", "dropout": "0..0.5"} | OWN), {name: text})
    spaced = values.replace(" and ", ", ")
    assert str(caught.value) == (
        f"{name}={text}: a comma separates values, so this would be {values}; "
        f"write {decimals} for decimals, or '{spaced}' with spaces for these values"
    )


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("lr", "0, 1", (0, 1)),
        ("lr", "0.1,0.01", (0.1, 0.01)),
        ("lr", "1e-3,1e-2", (1e-3, 1e-2)),
        ("dropout", "0,0.5", (0, 0.5)),
        ("weight_decay", "0,1e-4", (0, 1e-4)),
        ("batch", "16,32", (16, 32)),
        ("batch", "1,2,4", (1, 2, 4)),
        ("layers", "2,4", (2, 4)),
        ("bias", "0,1", (0, 1)),
        ("kernel", "3,5", (3, 5)),
        ("beta", "1,2,4", (1, 2, 4)),
        ("lr", [0, 1], (0, 1)),
        ("beta", [0.5], (0.5,)),
    ],
)
def test_plain_lists_are_accepted(name, text, values):
    space = net_space({"lr": "1e-5..1 log", "dropout": "0..0.5"} | OWN)
    assert override(space, {name: text})[name] == Choice(values)


def test_hyperparameter_without_a_range_accepts_large_integers():
    assert override(net_space({"width"}), {"width": "16,32"})["width"] == Choice((16, 32))
    with pytest.raises(SpaceError, match="write 0.5 for decimals"):
        override(net_space({"width"}), {"width": "0,5"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("001", "x=001: has a leading zero; write 1"),
        ("-007.50", "x=-007.50: has a leading zero; write -7.5"),
        ("01..05", "x=01: has a leading zero; write 1"),
        ("0,1..0,5", "x=0,1..0,5: has a decimal comma; write 0.1..0.5"),
        ("1e-5..0,5 log", "x=1e-5..0,5 log: has a decimal comma; write 1e-5..0.5 log"),
        (["0,001", "a"], "x=['0,001', 'a']: '0,001' has a decimal comma; write 0.001"),
    ],
)
def test_ambiguous_numbers_are_rejected(text, message):
    with pytest.raises(SpaceError) as caught:
        parse_range("x", text)
    assert str(caught.value) == message


@pytest.mark.parametrize("values", [("sgd", "adam"), (True, False), (16, 32, 64), (8,)])
def test_other_tuples_are_the_values_to_choose_from(values):
    assert parse_range("x", values) == Choice(values)


def test_exponents_can_start_with_zero():
    assert parse_range("lr", "1e-05..1e-01") == Interval(1e-5, 0.1)
    assert parse_range("lr", "1e-05") == Choice((1e-5,))


def test_invalid_settings_are_rejected_before_loading_anything():
    with pytest.raises(SpaceError, match="lr=0,001: a comma"):
        Settings.of({"lr": "0,001"})
    with pytest.raises(SpaceError, match="momentum=0,9: a comma"):
        Settings.of({"prm": {"momentum": "0,9"}})


@pytest.mark.parametrize("declared", ["'0,001'", "(1e-1, 1e-4)", "'0,1..0,5'"])
def test_a_net_whose_range_is_unclear_is_named(lemur, toys, tmp_path, declared):
    source = toys.get("net", "Linear").source()
    tail = f"\ndef supported_hyperparameters():\n    return {{'lr': {declared}}}\n"
    (tmp_path / "Mine.py").write_text(source + tail)
    status, _, errors = lemur(
        "run", "img-classification_blobs_hits", "--net", "Mine.py", "--in-process"
    )
    assert status == 2
    assert errors.startswith("lemur: error: net 'Mine': lr=")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("condition", ["lr=0,001", "accuracy=0,5", "batch=1,024"])
def test_conditions_on_rows_with_a_decimal_comma_are_refused(lemur, condition):
    status, _, errors = lemur("data", "--where", condition)
    assert status == 2
    assert errors.startswith(f"lemur: error: {condition}: a comma separates values")
