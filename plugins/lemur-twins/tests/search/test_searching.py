"""Searches for differing nets, with two nets of PyTorch in one process."""

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

import lemur_core
from lemur_core.errors import CollectionError, SettingsError
from lemur_twins.dataset import load
from lemur_twins.search.searching import run_search
from lemur_twins.search.spec import TwinSearch

NETS = {"pytorch": "VGG-mini.pytorch", "other": "VGG-mini-GN.pytorch"}
FIXED = {
    "batch": 16, "momentum": 0.9, "weight_decay": 0.0, "optimizer": "sgd", "scheduler": "constant",
    "adam_epsilon": "default", "match": "none",
}  # fmt: skip


def search_of(**changes):
    given = {
        "name": "own",
        "nets": NETS,
        "dataset": "digits[samples=40,test=40]",
        "transform": "norm_8",
        "ranges": {"lr": FloatDistribution(1e-3, 0.5, log=True), "epochs": IntDistribution(1, 2)},
        "fixed": FIXED,
        "trials": 1,
    }
    return TwinSearch(**given | changes)


@pytest.fixture
def run(tmp_path):
    def search(changes=None, **options):
        lines = []
        outcome = run_search(
            search_of(**changes or {}),
            lines.append,
            db=str(tmp_path / "own.db"),
            data=str(tmp_path / "data"),
            in_process=True,
            quiet=True,
            threads=1,
            **options,
        )
        return outcome, lines

    search.db = str(tmp_path / "own.db")
    return search


def test_each_sub_space_gets_its_pairs_and_a_repeated_search_trains_nothing(run):
    outcome, lines = run()
    assert (outcome.pairs, outcome.wanted, outcome.exit_status) == (4, 4, 0)
    assert len(lines) == 4
    pairs = load("own", db=run.db).pairs()
    assert sorted(pairs["space"]) == [0, 1, 2, 3]
    for space, row in pairs.set_index("space").iterrows():
        assert (
            search_of().spaces[space].holds({"lr": row["prm.lr"], "epochs": int(row["prm.epochs"])})
        )
        # The score after the last epoch, not the best.
        last = [
            lemur_core.data(where={"trial": row[f"trial.{role}"]}, db=run.db)["accuracy"].iloc[-1]
            for role in NETS
        ]
        assert row["difference"] == pytest.approx(abs(last[0] - last[1]))
    assert {*lemur_core.trials(db=run.db)["seed"]} == {0}
    again, lines = run()
    assert (again.pairs, lines) == (4, [])
    assert len(lemur_core.trials(db=run.db)) == 8


def test_a_search_is_divided_by_sub_spaces_and_continued(run):
    outcome, _ = run(spaces=[2])
    assert (outcome.pairs, outcome.wanted) == (1, 1)
    outcome, lines = run(spaces=[2, 3], changes={"trials": 2})
    assert (outcome.pairs, outcome.wanted) == (4, 4)
    assert len(lines) == 3
    first, second = load("own", db=run.db).space(2).to_dict("records")
    assert (first["place"], second["place"]) == (0, 1)
    assert first["prm.lr"] != second["prm.lr"]


def test_a_search_whose_time_is_over_records_no_half_pair(run):
    outcome, lines = run(time_limit="0.1s")
    assert outcome.is_timed_out
    assert outcome.exit_status == 0
    assert len(lines) == outcome.pairs < 4
    outcome, _ = run()
    assert outcome.pairs == 4
    # The trials that the first command began are those of the pairs.
    assert len(lemur_core.trials(db=run.db)) == 8


def test_a_pair_whose_training_fails_is_kept_without_a_difference(run):
    # GroupNorm turns the infinite outputs of the first layer into NaN; both nets fail.
    ranges = {"lr": FloatDistribution(1e30, 1e38)}
    outcome, lines = run({"ranges": ranges, "fixed": FIXED | {"epochs": 1}})
    assert outcome.pairs == 2
    assert all("no difference" in line and "pytorch:" in line for line in lines)
    pairs = load("own", db=run.db).pairs()
    assert pairs["difference"].isna().all()
    again, lines = run({"ranges": ranges, "fixed": FIXED | {"epochs": 1}})
    assert (again.pairs, lines) == (2, [])


def test_a_second_search_shares_trials_and_keeps_its_own_pairs(run):
    run(spaces=[0])
    other = {"name": "other", "nets": NETS | {"other": "VGG-mini-BN.pytorch"}}
    outcome, _ = run(other, spaces=[0])
    assert outcome.pairs == 1
    # The net of PyTorch was trained once.
    assert len(lemur_core.trials(db=run.db)) == 3
    first, second = (load(name, db=run.db).pairs().iloc[0] for name in ("own", "other"))
    assert first["trial.pytorch"] == second["trial.pytorch"]
    assert (first["name"], second["name"]) == ("own-0-0", "other-0-0")


def test_trials_of_a_search_with_other_fixed_values_are_not_its_own(run):
    run(spaces=[0])
    outcome, _ = run({"name": "other", "fixed": FIXED | {"momentum": 0.5}}, spaces=[0])
    assert outcome.pairs == 1
    assert len(lemur_core.trials(db=run.db)) == 4
    assert load("other", db=run.db).pairs()["prm.momentum"].tolist() == [0.5]


def test_small_sub_spaces_end_when_all_of_their_values_are_taken(run):
    small = {"ranges": {"epochs": IntDistribution(1, 2)}, "fixed": FIXED | {"lr": 0.1}, "trials": 2}
    outcome, lines = run(small)
    assert (outcome.pairs, outcome.wanted, outcome.exit_status) == (2, 4, 1)
    assert lines[-1] == "2 pairs are missing: all values are taken"


def test_another_search_needs_another_name(run):
    run(spaces=[0])
    with pytest.raises(CollectionError, match="'own' already exists with another spec"):
        run({"sampler": "TPE"}, spaces=[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nets": {"pytorch": "A"}}, "a twin has 1 nets; expected two"),
        ({"ranges": {}}, "no hyperparameter is searched"),
        ({"ranges": {"lr": FloatDistribution(0.1, 1)}}, "the number of epochs is missing"),
        ({"fixed": FIXED | {"lr": 0.1}}, "lr has a range and a value; expected one of them"),
    ],
)
def test_an_incomplete_search_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        search_of(**changes)
