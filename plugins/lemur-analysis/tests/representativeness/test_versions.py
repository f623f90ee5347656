import numpy as np
import pytest
from pandas import DataFrame, concat
from pandas.testing import assert_frame_equal
from scipy.stats import spearmanr

from lemur_analysis import representativeness as rep

from .populations import population


def errors(*names, nets=6, **columns):
    """Return a population with random errors on each dataset, and further columns by dataset."""
    rng = np.random.default_rng(1)
    frame = population({name: {f"n{at}": rng.random() for at in range(nets)} for name in names})
    return frame.assign(**{name: frame["dataset"].map(of) for name, of in columns.items()})


def test_balanced_version_is_paired_with_the_dataset_that_only_differs_in_this():
    names = ("a", "a[balanced]", "a[samples=9]", "a[balanced,samples=9]", "a[balanced,samples=8]")
    frame = errors(*names, "b[balanced]", "a[seed=1,samples=7]", "a[balanced,samples=7]")
    pairs = rep.balanced_pairs(frame)
    assert {*pairs["dataset"]} == {"a", "a[samples=9]"}
    table = frame.pivot(index="net", columns="dataset", values="error")
    gains = rep.condition_gains(pairs, "balanced").set_index("dataset")
    for plain, balanced in (names[:2], names[2:4]):
        difference = table[plain] - table[balanced]
        assert gains.loc[plain, "nets"] == 6
        assert gains.loc[plain, "mean_gain"] == pytest.approx(difference.mean())
        assert gains.loc[plain, "correlation"] == pytest.approx(
            spearmanr(table[plain], table[balanced]).statistic
        )


def test_balanced_version_that_is_trained_in_another_way_is_no_pair():
    short, long = "px=8 epochs=2", "px=8 epochs=9"
    settings = {"a": short, "a[balanced]": long, "b": long, "b[balanced]": long}
    frame = errors(*settings, settings=settings)
    assert {*rep.balanced_pairs(frame)["dataset"]} == {"b"}
    best = rep.best_runs(concat([frame, frame]))
    assert {*rep.balanced_pairs(best)["dataset"]} == {"b"}
    # Of a dataset that is trained in two ways, the one that is trained as the balanced version is.
    settings = {"a epochs=2": short, "a epochs=9": long, "a[balanced]": long}
    assert {*rep.balanced_pairs(errors(*settings, settings=settings))["dataset"]} == {"a epochs=9"}
    # Without settings, the ends of the names tell trainings apart.
    names = ("a px=8", "a px=9", "a[balanced] px=9")
    assert {*rep.balanced_pairs(errors(*names))["dataset"]} == {"a px=9"}
    pairs = rep.balanced_pairs(errors("a", "b"))
    assert (len(pairs), "balanced" in pairs.columns) == (0, True)


def test_smaller_versions_have_fewer_classes_or_samples_and_no_other_difference():
    names = (
        "a[classes=2]", "a", "a[classes=10,seed=3]", "a[samples=100,test=5]", "b", "a[balanced]",
        "a[balanced,samples=50]", "a[classes=2,samples=20]", "a[test=5]", "strange[", "[xy]z",
        "c[samples=5]", "c[classes=2]", "a[samples=9,option=x]",
    )  # fmt: skip
    assert rep.smaller_versions(errors(*names)) == {
        "a": [
            "a[samples=100,test=5]", "a[classes=10,seed=3]", "a[classes=2]",
            "a[classes=2,samples=20]",
        ],
        "a[balanced]": ["a[balanced,samples=50]"],
        "a[test=5]": ["a[samples=100,test=5]"],
    }  # fmt: skip


def test_correlations_with_versions_are_those_of_scipy_and_name_the_closest():
    classes = {"big": 1000, "x": 291, "y": 7, "z": None, "v[classes=3]": None}
    versions = ("big[samples=500]", "big[classes=100]", "big[classes=10]", "big[classes=5]")
    frame = errors(*classes, *versions, classes=classes)
    frame = frame[(frame["net"] != "n2") | (frame["dataset"] != "y")]
    table = rep.version_correlations(frame, "big")
    columns = ["dataset", "classes", "big", *versions, "closest", "closest_correlation"]
    assert list(table.columns) == columns
    rows = table.set_index("dataset")
    assert [*rows.index] == ["v[classes=3]", "x", "y", "z"]
    assert rows["classes"].dropna().to_dict() == {"v[classes=3]": 3, "x": 291, "y": 7}
    # 7 classes are closer to 5 than to 10. Fewer samples do not count.
    closest = {"v[classes=3]": 5, "x": 100, "y": 5}
    assert rows["closest"].dropna().to_dict() == {
        name: f"big[classes={count}]" for name, count in closest.items()
    }
    wide = frame.pivot(index="net", columns="dataset", values="error")
    for name, row in rows.iterrows():
        for other in ("big", *versions):
            pair = wide[[name, other]].dropna()
            assert row[other] == pytest.approx(spearmanr(*pair.to_numpy().T).statistic)
        if name in closest:
            assert row["closest_correlation"] == row[f"big[classes={closest[name]}]"]
    assert np.isnan(rows.loc["z", "closest_correlation"])
    runs = concat([frame, frame.assign(error=1.0)])
    assert_frame_equal(rep.version_correlations(rep.best_runs(runs), "big"), table)


def test_closest_version_in_classes_has_most_samples():
    frame = errors("a", "a[classes=2,samples=5]", "a[classes=2,samples=50]", "b[classes=2]")
    [closest] = rep.version_correlations(frame, "a")["closest"]
    assert closest == "a[classes=2,samples=50]"


def test_dataset_without_others_has_no_rows():
    table = rep.version_correlations(errors("a", "a[samples=5]"), "a")
    assert isinstance(table, DataFrame)
    assert table.empty
