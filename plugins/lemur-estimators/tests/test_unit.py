import pytest

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Curve
from lemur_estimators.replay.recorded import of_files
from lemur_estimators.replay.unit import Unit

LEARNS = (6.01, 30.5, 55.07)
NEVER = (1.0, 1.0, 1.0)


def put(folder, **curves):
    folder.mkdir(exist_ok=True)
    for name, scores in curves.items():
        lines = [f"{epoch},{score}" for epoch, score in enumerate(scores, 1)]
        (folder / f"{name}.csv").write_text("\n".join(["epoch,val_accuracy", *lines]))
    return folder


def read(*places, unit=None):
    return {trial.name: trial.curve.scores for trial in of_files(places, unit=unit).trials}


def error_of(*places, unit=None):
    with pytest.raises(SettingsError) as raised:
        of_files(places, unit=unit)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_percentages_in_a_csv_file_become_fractions(tmp_path):
    [trial] = of_files([put(tmp_path / "study", net=(10.5, 25.0))]).trials
    assert trial.curve == Curve((1, 2), (0.105, 0.25))
    assert (trial.study, trial.name) == ("study", "net")


def test_a_curve_that_stays_at_1_percent_has_the_unit_of_the_other_curves(tmp_path):
    scores = read(put(tmp_path / "study", good=LEARNS, never=NEVER, lower=(0.2, 0.3, 0.9)))
    assert scores["never"] == (0.01, 0.01, 0.01)
    assert scores["lower"] == pytest.approx((0.002, 0.003, 0.009))
    assert scores["good"] == pytest.approx((0.0601, 0.305, 0.5507))


def test_files_that_are_given_one_by_one_have_one_unit(tmp_path):
    folder = put(tmp_path / "study", good=LEARNS, never=NEVER)
    assert read(folder / "never.csv", folder / "good.csv")["never"] == (0.01, 0.01, 0.01)


def test_a_study_in_which_no_net_learns_has_the_unit_of_the_other_studies(tmp_path):
    good, never = put(tmp_path / "one", good=LEARNS), put(tmp_path / "other", never=NEVER)
    assert read(never, good)["never"] == (0.01, 0.01, 0.01)


def test_fractions_are_not_changed(tmp_path):
    scores = read(put(tmp_path / "study", good=(0.1, 0.3, 1.0), never=(0.1, 0.1, 0.1)))
    assert scores == {"good": (0.1, 0.3, 1.0), "never": (0.1, 0.1, 0.1)}


def test_a_score_above_1_by_rounding_is_a_fraction(tmp_path):
    # The mean of float32 ones may be this.
    scores = read(put(tmp_path / "study", net=(0.1, 0.7, 1.0000001192092896)))
    assert scores["net"] == (0.1, 0.7, 1.0)


def test_an_ambiguous_unit_must_be_given(tmp_path):
    folder = put(tmp_path / "study", never=NEVER)
    assert error_of(folder) == (
        f"{folder / 'never.csv'}: val_accuracy is from 1 to 1 and no curve rises by 0.2: percent "
        "or fractions? Use --unit percent or --unit fraction"
    )
    assert read(folder, unit=Unit.PERCENT)["never"] == (0.01, 0.01, 0.01)
    assert read(folder, unit=Unit.FRACTION)["never"] == (1.0, 1.0, 1.0)


def test_studies_with_different_units_are_refused(tmp_path):
    percent = put(tmp_path / "one", percent=LEARNS)
    fraction = put(tmp_path / "other", fraction=(0.1, 0.5, 0.9))
    assert error_of(percent, fraction) == (
        f"{percent / 'percent.csv'}: val_accuracy is from 6.01 to 55.07, as if in percent, "
        f"{fraction / 'fraction.csv'}: val_accuracy is from 0.1 to 0.9, as if in fractions; replay "
        "them separately, or give the unit of all: --unit percent or --unit fraction"
    )
    scores = read(percent, fraction, unit=Unit.PERCENT)
    assert scores["fraction"] == pytest.approx((0.001, 0.005, 0.009))


@pytest.mark.parametrize(
    ("scores", "unit", "message"),
    [
        ((10, 250), None, "is from 10 to 250; expected percent from 0 to 100"),
        ((-1, 50), None, "is from -1 to 50; expected percent from 0 to 100"),
        ((-0.1, 0.5), None, "is from -0.1 to 0.5; expected fractions from 0 to 1"),
        ((0.1, 50), Unit.FRACTION, "is from 0.1 to 50; expected fractions from 0 to 1"),
        ((0.1, 101), Unit.PERCENT, "is from 0.1 to 101; expected percent from 0 to 100"),
    ],
)
def test_scores_beyond_their_unit_are_refused(tmp_path, scores, unit, message):
    folder = put(tmp_path / "study", net=scores)
    assert error_of(folder, unit=unit) == f"{folder / 'net.csv'}: val_accuracy {message}"


def test_lines_of_json_are_fractions_beside_csv_files_in_percent(tmp_path):
    folder = put(tmp_path / "study", good=LEARNS)
    (folder / "more.jsonl").write_text(
        '{"study":"digits","net":3,"of":200,"every":1,"chance":0.1,"right":[1,1],'
        '"train_loss":[2.3,2.2]}\n'
    )
    files = of_files([folder])
    assert files.unit is Unit.PERCENT
    assert {trial.name: trial.curve.final for trial in files.trials}["3"] == 0.005


def test_a_missing_score_does_not_affect_the_unit(tmp_path):
    folder = put(tmp_path / "study", net=("", 30.0, "inf"))
    [first, second, third] = read(folder)["net"]
    assert (first != first, second, third) == (True, 0.3, float("inf"))
    assert of_files([put(tmp_path / "nothing", net=("", ""))]).unit is Unit.FRACTION


def test_a_file_that_is_given_twice_is_one_trial(tmp_path):
    folder = put(tmp_path / "study", good=LEARNS)
    assert len(of_files([folder, folder / "good.csv", folder / "." / "good.csv"]).trials) == 1


def test_folders_with_the_same_name_are_different_studies(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    folders = [put(tmp_path / name / "curves", net=LEARNS) for name in "ab"]
    assert [trial.study for trial in of_files(folders).trials] == list(map(str, folders))


def test_a_folder_without_curves_is_refused(tmp_path):
    assert error_of(tmp_path) == f"{tmp_path}: contains no file *.csv or *.jsonl"


def test_missing_epochs_are_reported_in_one_line(tmp_path):
    text = "epoch,acc\n1,10\n2,20\n5,30\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(text)
    assert of_files([tmp_path]).notes == [
        f"{tmp_path / 'a.csv'}: epoch 5 follows epoch 2, and epochs are missing in 1 more files; "
        "gaps are not filled"
    ]
