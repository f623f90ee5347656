"""timm's result tables: small ones, and the published ones as pandas reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import spearmanr

import lemur_core
from lemur_analysis import representativeness as rep
from lemur_analysis.importers import timm
from lemur_core.cli import cli
from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import Fault

SHARED = Path(__file__).parents[5] / "shared" / "data" / "timm"
HEADER = ",".join(timm.COLUMNS)
ROWS = (
    'big_net.a_in1k,448,90.056,9.944,99.054,0.946,"1,013.01",1.000,bicubic',
    "small_net.b_in1k,224,70.001,30.000,90.000,10.000,0.37,0.875,bilinear",
)


@pytest.fixture
def folder(tmp_path):
    """ImageNet's table, one with further columns, and the tables of complexities and origins."""
    (tmp_path / "results-imagenet.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    differences = [f"{row},-10.2,-2.5,+2" for row in ROWS]
    (tmp_path / "results-imagenet-a.csv").write_text(
        "\n".join([f"{HEADER},top1_diff,top5_diff,rank_diff", *differences]) + "\n"
    )
    (tmp_path / "benchmark-infer-amp.csv").write_text(
        "model,infer_img_size,infer_gmacs,infer_macts\n"
        "big_net,448,1.5,20.25\nbig_net,224,0.4,5\nsmall_net,224,,\n"
    )
    (tmp_path / "model_metadata-in1k.csv").write_text("model,pretrain\nbig_net,in22k\n")
    return tmp_path


def test_each_row_of_a_folder_is_a_trial_with_its_facts(folder):
    assert timm.recognises(folder)
    records = list(timm.read(folder))
    assert [record.dataset for record in records] == ["imagenet-1k"] * 2 + ["imagenet-a"] * 2
    big, small = records[:2]
    assert (big.trial, small.trial) == ("big_net.a_in1k", "small_net.b_in1k")
    assert (big.nn, big.metric, big.epoch) == ("big-net.a-in1k", "acc", 1)
    assert (big.accuracy, small.accuracy) == (pytest.approx(0.90056), pytest.approx(0.70001))
    assert big.prm == {"img_size": 448, "crop_pct": 1.0, "interpolation": "bicubic"}
    assert big.trial_facts == {
        "timm.model": "big_net.a_in1k", "parameters": 1_013_010_000, "macs": 1_500_000_000,
        "activations": 20_250_000, "timm.pretrain": "in22k",
    }  # fmt: skip
    assert small.trial_facts == {"timm.model": "small_net.b_in1k", "parameters": 370_000}
    assert big.memberships[0].collection == "timm"


def test_top_5_accuracy_and_single_tables_can_be_read(folder):
    [big, small] = timm.read(folder / "results-imagenet-a.csv", metric="acc5")
    assert (big.metric, big.accuracy, small.accuracy) == ("acc5", 0.99054, 0.9)
    with pytest.raises(SettingsError, match="metric is 'top5'; expected acc or acc5"):
        list(timm.read(folder, metric="top5"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "net,224,70,20,90,10,1,1,bicubic",
            "top1 70 and top1_err 20: expected percent, 100 in all",
        ),
        ("net,224,-1,101,90,10,1,1,bicubic", "top1 -1 and top1_err 101: expected percent, 100 in"),
        ("net,224,nan,20,90,10,1,1,bicubic", "top1 is 'nan'; expected a finite number"),
        ("net,large,70,30,90,10,1,1,bicubic", "invalid literal for int() with base 10: 'large'"),
        (",224,70,30,90,10,1,1,bicubic", "the row has no model"),
        ("net,224,70", "the row has no crop_pct"),
    ],
)
def test_invalid_rows_are_faults_and_the_others_are_read(row, reason, folder):
    table = folder / "results-imagenet.csv"
    table.write_text("\n".join([HEADER, row, *ROWS]) + "\n")
    fault, *records = timm.read(table)
    assert isinstance(fault, Fault)
    assert fault.place == f"{table}:2"
    assert fault.reason.startswith(reason)
    assert len(records) == 2


def test_other_files_are_not_recognised(folder):
    other = folder / "results-other.csv"
    other.write_text(f"{HEADER}\n")
    assert not timm.recognises(other)
    (folder / "results-sketch.csv").write_text("a,b\n")
    assert not timm.recognises(folder / "results-sketch.csv")
    with pytest.raises(SettingsError, match=r"expected timm's results-imagenet\.csv, with the col"):
        list(timm.read(other))


def test_imported_tables_are_a_population_with_complexities(folder, tmp_path):
    db = tmp_path / "timm.db"
    done = CliRunner().invoke(cli, ["db", "import", str(folder), "--db", str(db)])
    assert done.exit_code == 0, done.output
    frame = lemur_core.data(db=db, collection="timm", with_facts=True, with_stats=True)
    population = rep.from_results(frame).set_index(["net", "dataset"])
    big = population.loc["big-net.a-in1k", "imagenet-a"]
    assert big["error"] == pytest.approx(0.09944)
    assert (big["parameters"], big["macs"], big["activations"]) == (1.01301e9, 1.5e9, 2.025e7)
    assert np.isnan(population.loc["small-net.b-in1k", "imagenet-a"]["macs"])


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs timm's tables in {SHARED}")
def test_published_tables_give_the_correlations_that_pandas_and_scipy_give():
    records = [record for record in timm.read(SHARED) if not isinstance(record, Fault)]
    assert len(records) == 6 * 1556
    frame = pd.DataFrame(
        [(record.nn, record.dataset, record.prm["img_size"], 1 - record.accuracy)
         for record in records], columns=["net", "dataset", "px", "error"],
    )  # fmt: skip
    # Each table has 1,266 nets; that of ImageNet-A has another one than the others.
    assert frame["net"].nunique() == 1267
    largest = frame.sort_values("px", kind="stable").drop_duplicates(
        ["net", "dataset"], keep="last"
    )
    table = rep.rank_correlations(largest, reference="imagenet-1k").set_index("other")
    for file, dataset in timm.DATASETS.items():
        if dataset != "imagenet-1k":
            both = [pd.read_csv(SHARED / name).sort_values("img_size", kind="stable")
                    .drop_duplicates("model", keep="last").set_index("model")["top1"]
                    for name in ("results-imagenet.csv", file)]  # fmt: skip
            joined = pd.concat(both, axis=1).dropna()
            expected = spearmanr(joined.iloc[:, 0], joined.iloc[:, 1]).statistic
            assert table.loc[dataset, "correlation"] == pytest.approx(expected, abs=1e-9)
