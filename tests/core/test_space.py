import pytest

from lemur_core.errors import SpaceError
from lemur_core.space import (
    Choice,
    Interval,
    check_used,
    fixed,
    net_space,
    override,
    parse_range,
)
from lemur_core.values import smallest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", Choice((0.1,))),
        ("3", Choice((3,))),
        ("2^5", Choice((32,))),
        ("true", Choice((True,))),
        ("sgd, adam", Choice(("sgd", "adam"))),
        ("1,1,2", Choice((1, 2))),
        (["a", 2], Choice(("a", 2))),
        (0, Choice((0,))),
        ("0..0.99", Interval(0, 0.99)),
        ("-1..1", Interval(-1, 1)),
        ("1e-5..1 log", Interval(1e-5, 1, log=True)),
        ("1..8 int", Interval(1, 8, integer=True)),
        ("1..64 log int", Interval(1, 64, log=True, integer=True)),
        ("2^4..2^7", Choice((16, 32, 64, 128))),
        ("4..4 int", Choice((4,))),
    ],
)
def test_a_range_is_read_as_it_is_written(text, expected):
    assert parse_range("x", text) == expected


def test_log_and_int_are_inherited_from_the_replaced_range():
    assert parse_range("lr", "1e-4..1e-1", Interval(1e-5, 1, log=True)).log
    assert parse_range("layers", "2..4", Interval(1, 8, integer=True)).integer


def test_batch_is_always_a_power_of_two():
    assert parse_range("batch", "16..64") == Choice((16, 32, 64))


FORMS = (
    "expected a value, values a,b, or a range lo..hi, as in "
    "1e-4..1e-1, 2^4..2^7, '1..8 int' or '1e-6..1e-3 log'"
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x", "1..0", "x=1..0: runs backwards; expected the smaller number first"),
        ("x", "1..2..3", f"x=1..2..3: {FORMS}"),
        ("x", "", f"x=: {FORMS}"),
        ("x", "a,,b", f"x=a,,b: {FORMS}"),
        ("x", "nan", f"x=nan: {FORMS}"),
        ("x", [], f"x=[]: {FORMS}"),
        ("x", {"a": 1}, f"x={{'a': 1}}: {FORMS}"),
        ("x", "0.5..2 int", "x=0.5..2 int: expected integers"),
        ("x", "1..1e999", "x=1..1e999: expected finite numbers"),
        (
            "x",
            "0..1 log",
            "x=0..1 log: is searched on a logarithmic scale, so it must start above 0; "
            "to try 0 alone, write x=0",
        ),
        (
            "batch",
            "3..8",
            "batch=3..8: 3 is not a power of two; write 2^4..2^7, or list the values: batch=24,48",
        ),
        ("batch", "2^7..2^4", "batch=2^7..2^4: runs backwards; expected the smaller number first"),
        ("batch", 0, "batch=0: expected an integer, 1 or more"),
        ("batch", "24.5", "batch=24.5: expected an integer, 1 or more"),
        ("momentum", "0..1.5", "momentum=0..1.5: expected a number, 0 to 1"),
        ("dropout", "much", "dropout=much: expected a number, 0 to 1"),
        ("lr", "-1", "lr=-1: expected a number, 0 or more"),
    ],
)
def test_impossible_range_is_reported(name, text, message):
    with pytest.raises(SpaceError) as caught:
        parse_range(name, text)
    assert str(caught.value) == message


def test_a_net_that_names_its_hyperparameters_gets_the_default_ranges():
    space = net_space({"lr", "dropout", "alpha"})
    assert space["lr"] == Interval(1e-5, 1.0, log=True)
    assert space["dropout"] == Interval(0.0, 0.5)
    assert space["alpha"] == Interval(0.0, 1.0)
    assert space["batch"] == Choice((16, 32, 64, 128))


def test_space_declared_as_a_set_is_sorted():
    names = [f"p{number}" for number in range(50)]
    assert list(net_space(set(names))) == ["batch", *sorted(names)]


def test_a_net_may_declare_its_own_ranges_and_fixed_values():
    space = net_space({"lr": "1e-3..1e-1", "layers": "1..8 int", "bias": False, "batch": 64})
    assert space["lr"] == Interval(1e-3, 1e-1, log=True)
    assert space["layers"] == Interval(1, 8, integer=True)
    assert space["bias"] == Choice((False,))
    assert space["batch"] == Choice((64,))


def test_a_value_fixed_at_0_stays_0():
    space = override(net_space({"lr", "momentum"}), {"momentum": 0, "lr": "0"})
    assert space["momentum"] == space["lr"] == Choice((0,))
    assert space["momentum"].fixed


def test_range_for_a_hyperparameter_of_another_net_is_ignored():
    space = net_space({"lr"})
    assert override(space, {"dropout": "0..0.5"}) == space


def test_schedule_hyperparameters_apply_to_nets_with_a_scheduler():
    given = {"scheduler_epochs": 20, "gamma": "0.5"}
    assert fixed(override(net_space({"scheduler": "constant"}), given)) == {
        "scheduler": "constant",
        "scheduler_epochs": 20,
        "gamma": 0.5,
    }
    assert "gamma" not in override(net_space({"lr"}), given)
    # A net that declares it keeps its own range.
    own = override(net_space({"scheduler": "cosine", "gamma": "1..3"}), {"gamma": "2..4"})
    assert str(own["gamma"]) == "2..4"


@pytest.mark.parametrize("text", ["fast", "0.5,fast", "0.5..2", 2, True])
def test_learning_rate_decay_is_at_most_1(text):
    with pytest.raises(SpaceError, match=f"^gamma={text}: expected a number, 0 to 1$"):
        override(net_space({"scheduler"}), {"gamma": text})


@pytest.mark.parametrize("epochs", ["5..20", "5..20 int"])
def test_schedule_epochs_are_searched_as_integers(epochs):
    space = override(net_space({"scheduler": "constant"}), {"scheduler_epochs": epochs})
    assert str(space["scheduler_epochs"]) == "5..20 int"


@pytest.mark.parametrize("epochs", [0, -1, 2.5, "soon", "0..5", "1.5..5"])
def test_schedule_epochs_must_be_integers(epochs):
    with pytest.raises(SpaceError, match="scheduler_epochs"):
        override(net_space({"scheduler": "constant"}), {"scheduler_epochs": epochs})


def test_unknown_hyperparameter_is_reported():
    with pytest.raises(SpaceError) as caught:
        check_used(["mometum"], [net_space({"lr", "momentum"})])
    assert str(caught.value) == (
        "no chosen net has a hyperparameter 'mometum'. Did you mean 'momentum'?"
    )


def test_range_contains_its_values():
    assert Interval(0, 1).holds(1)
    assert not Interval(0, 1).holds(1.1)
    assert not Interval(0, 1).holds("a")
    assert Choice((1, "a")).holds(1.0)
    assert not Choice((1,)).holds(True)
    assert Interval(1, 8, integer=True).holds(2.0)
    assert not Interval(1, 8, integer=True).holds(2.5)


def test_optunas_distributions_have_the_same_ends():
    drawn = Interval(1, 64, log=True, integer=True).distribution()
    assert (drawn.low, drawn.high, drawn.log) == (1, 64, True)
    assert Choice((16, 32)).distribution().choices == (16, 32)


def test_smallest_values_need_no_search():
    assert smallest(net_space({"lr": "1e-3..1", "layers": "2..4 int"})) == {
        "batch": 16,
        "lr": 1e-3,
        "layers": 2,
    }


@pytest.mark.parametrize(
    ("name", "ends", "like", "expected"),
    [
        ("x", (1e-5, 0.5), None, Interval(1e-5, 0.5)),
        ("lr", (1e-4, 1e-1), Interval(1e-5, 1.0, log=True), Interval(1e-4, 1e-1, log=True)),
        ("lr", (0, 1), None, Interval(0.0, 1.0)),
        ("layers", (1, 8), None, Interval(1.0, 8.0, integer=True)),
        ("layers", (2, 4), Interval(1.0, 8.0), Interval(2.0, 4.0)),
        ("layers", (2, 4), Interval(1.0, 8.0, integer=True), Interval(2.0, 4.0, integer=True)),
        ("batch", (16, 64), None, Choice((16, 32, 64))),
    ],
)
def test_a_tuple_of_two_numbers_is_a_range(name, ends, like, expected):
    assert parse_range(name, ends, like) == expected
    # As it is written on the command line.
    assert parse_range(name, str(ends), like) == expected
    # TOML and JSON have no tuples: a list of two contains two values.
    assert parse_range(name, list(ends), like) == Choice(ends)


@pytest.mark.parametrize(
    ("name", "ends", "message"),
    [
        ("x", (2.0, 1.0), "x=2.0..1.0: runs backwards; expected the smaller number first"),
        ("momentum", (0, 2), "momentum=(0, 2): expected a number, 0 to 1"),
        ("batch", (24, 48), "batch=24..48: 24 is not a power of two; write 2^4..2^7, or list the"),
    ],
)
def test_a_tuple_that_is_no_range_is_refused(name, ends, message):
    with pytest.raises(SpaceError) as caught:
        parse_range(name, ends)
    assert str(caught.value).startswith(message)


def test_a_tuple_as_text_takes_powers_and_refuses_what_a_range_does():
    assert parse_range("width", "( 2^4,2^6 )") == Choice((16, 32, 64))
    with pytest.raises(SpaceError, match="has a leading zero"):
        parse_range("lr", "(0, 001)")
    with pytest.raises(SpaceError, match="runs backwards"):
        parse_range("lr", "(1e-1, 1e-4)")


def test_a_net_can_declare_tuples():
    space = net_space({"lr": (1e-4, 1e-1), "width": (8, 64)})
    assert str(space["lr"]) == "0.0001..0.1 log"
    assert str(space["width"]) == "8..64 int"
