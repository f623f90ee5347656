import pytest

from lemur_core.errors import ContractError, SettingsError
from lemur_core.kinds.estimator import (
    Curve,
    Estimate,
    TrialHistory,
    check_score,
    maker,
    parts_per_epoch,
    within,
)
from lemur_core.options import Selection, options_of, read_selection, read_selections


class Steady:
    """Predicts that the score stays the same."""

    def __init__(self, history, *, after=3, share=0.5, cautious=False, rule="mean"):
        self.history, self.options = history, (after, share, cautious, rule)
        self.interval = share

    def update(self, epoch, score, loss):
        return Estimate(converged=False, score=score)


def make(text, history=None):
    return maker(Steady, read_selection("estimator", text))(history or TrialHistory(epochs=20))


def test_options_have_the_types_of_their_defaults():
    assert make("steady:after=5,share=0.25,cautious=yes,rule=max").options == (5, 0.25, True, "max")
    assert make("steady").options == (3, 0.5, False, "mean")
    assert make("steady:cautious=0").options[2] is False


def test_spaces_around_the_parts_do_not_matter():
    assert read_selection("estimator", " steady : after = 5 , rule = max ") == Selection(
        "steady", {"after": "5", "rule": "max"}
    )


@pytest.mark.parametrize(
    "text", ["", ":after=3", "steady:", "steady:after", "steady:=3", "a:b=,c=1"]
)
def test_a_text_that_cannot_be_parsed_raises_with_the_expected_syntax(text):
    with pytest.raises(SettingsError) as raised:
        read_selection("estimator", text)
    assert str(raised.value) == (
        f"estimator {text!r}: expected NAME or NAME:OPTION=VALUE,OPTION=VALUE"
    )


def test_an_option_cannot_be_given_twice():
    with pytest.raises(SettingsError) as raised:
        read_selection("estimator", "steady:after=3,after=4")
    assert str(raised.value) == "estimator 'steady:after=3,after=4': after is given twice"


def test_an_unknown_option_gets_a_near_match():
    with pytest.raises(SettingsError) as raised:
        make("steady:aftr=3")
    assert str(raised.value) == "estimator 'steady' has no option 'aftr'. Did you mean 'after'?"


def test_an_option_of_an_estimator_that_has_none_is_refused():
    with pytest.raises(SettingsError) as raised:
        maker(lambda history: Steady(history), read_selection("estimator", "plain:x=1"))
    assert str(raised.value) == "estimator 'plain' has no option 'x'; it has no options"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("after=2.5", "after is '2.5'; expected a whole number"),
        ("share=half", "share is 'half'; expected a number"),
        ("cautious=2", "cautious is '2'; expected yes or no"),
    ],
)
def test_a_value_of_another_type_is_refused(option, expected):
    with pytest.raises(SettingsError) as raised:
        make(f"steady:{option}")
    assert str(raised.value) == f"estimator steady: {expected}"


def test_commas_separate_estimators_and_their_options():
    text = "peng4nn:threshold=1,window=3,median,steady:after=2"
    selections = read_selections("estimator", text)
    assert [selection.name for selection in selections] == ["peng4nn", "median", "steady"]
    assert selections[0].options == {"threshold": "1", "window": "3"}


def test_an_option_may_be_a_uri():
    text = "mlflow:experiment=a,uri=http://host:5000,tensorboard"
    selections = read_selections("tracker", text)
    assert list(map(str, selections)) == [
        "mlflow:experiment=a,uri=http://host:5000", "tensorboard"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["steady", "steady:after=5,rule=max"])
def test_a_selection_is_written_as_it_was_read(text):
    assert str(read_selection("estimator", text)) == text


def test_a_metric_that_falls_is_refused():
    with pytest.raises(SettingsError) as raised:
        make("steady", TrialHistory(epochs=20, higher_is_better=False))
    assert str(raised.value) == (
        "estimator 'steady': the metric falls as nets get better; estimators need one that rises "
        "from 0 to 1, for example 1 - error"
    )


def test_an_object_that_is_not_an_estimator_is_refused():
    with pytest.raises(ContractError) as raised:
        maker(lambda history: 3, Selection("three"))(TrialHistory(epochs=1))
    assert str(raised.value) == (
        "estimator 'three': gives int; expected an object with "
        "update(epoch, score, loss) and interval"
    )
    with pytest.raises(ContractError):
        maker(3, Selection("three"))


def test_an_option_without_a_default_is_refused():
    def target(history, *, depth):
        return Steady(history)

    with pytest.raises(ContractError) as raised:
        options_of("estimator", target, "deep")
    assert str(raised.value) == (
        "estimator 'deep': its option 'depth' has no default that is a bool, int, float or str"
    )


@pytest.mark.parametrize(("interval", "parts"), [(1.0, 1), (0.5, 2), (1 / 3, 3), (0.1, 10)])
def test_an_interval_divides_epochs_into_equal_parts(interval, parts):
    assert parts_per_epoch(Steady(None, share=interval)) == parts


@pytest.mark.parametrize("interval", [0.0, -1.0, 0.4, 2.0])
def test_an_interval_that_does_not_divide_an_epoch_evenly_is_refused(interval):
    with pytest.raises(ContractError) as raised:
        parts_per_epoch(Steady(None, share=interval))
    assert str(raised.value) == (
        f"an estimator asks for scores every {interval:g} epochs; expected 1 divided by an "
        "integer: 1, 0.5, 0.25"
    )


def test_values_out_of_range_are_refused():
    within("window", 3, 1, 10)
    for value, most, expected in (
        (0.0, 10, "1 to 10"),
        (11.0, 10, "1 to 10"),
        (float("nan"), 10, "1 to 10"),
        (float("inf"), float("inf"), "1 or more"),
    ):
        with pytest.raises(SettingsError) as raised:
            within("window", value, 1, most)
        assert str(raised.value) == f"estimator option window is {value:g}; expected {expected}"


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_scores_that_are_not_fractions_are_refused(score):
    with pytest.raises(SettingsError) as raised:
        check_score(score)
    assert str(raised.value) == (
        f"an estimator was given the score {score:g}; expected 0 to 1, higher is better"
    )


def test_the_final_score_of_a_curve_is_the_highest_or_the_predicted_one():
    epochs, scores = (1.0, 2.0, 3.0), (0.2, 0.6, 0.5)
    assert Curve(epochs, scores).final == 0.6
    assert Curve(epochs, scores, predicted=0.7).final == 0.7
    assert Curve(epochs, scores).until(1.5) == 0.2
    assert Curve(epochs, scores).until(3) == 0.6
    assert Curve(epochs, scores).until(0.5) is None


def test_the_best_score_of_earlier_trials():
    curves = (Curve((1.0,), (0.2,)), Curve((1.0,), (0.1,), predicted=0.4))
    assert TrialHistory(epochs=1, curves=curves).best == 0.4
    assert TrialHistory(epochs=1).best is None


def test_the_facts_of_an_estimate_leave_empty_fields_out():
    assert Estimate(converged=True, score=0.5).facts() == {}
    parameters = {"a": 1.0}
    estimate = Estimate(
        converged=False, score=0.5, lower=0.4, parameters=parameters, reason="settled"
    )
    assert estimate.facts() == {"lower": 0.4, "parameters": parameters, "reason": "settled"}
