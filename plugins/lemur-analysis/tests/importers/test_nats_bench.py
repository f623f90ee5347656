"""Tables of accuracies exported from NATS-Bench."""

import pytest
from click.testing import CliRunner

import lemur_core
from lemur_analysis import representativeness as rep
from lemur_analysis.importers import nats_bench
from lemur_core.cli import cli
from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import Fault

HEADER = "idx,arch,dataset,flops,params,test_accuracy"
ROWS = (
    "7,|a~0|,cifar10,15646730.0,129306.0,86.5",
    "7,|a~0|,cifar100,15648010.0,131006.0,54.25",
    "8,|b~0|,ImageNet16-120,4086272.0,975656.0,27.42222221883138",
)


@pytest.fixture
def table(tmp_path):
    def write(*rows, header=HEADER):
        place = tmp_path / "nats.csv"
        place.write_text("\n".join([header, *rows]) + "\n")
        return place

    return write


def test_each_row_is_a_trial_with_its_last_epoch(table):
    place = table(*ROWS)
    assert nats_bench.recognises(place)
    first, second, third = nats_bench.read(place)
    assert [record.dataset for record in (first, second, third)] == [
        "cifar-10", "cifar-100", "imagenet16-120",
    ]  # fmt: skip
    assert (first.nn, first.metric, first.epoch, first.accuracy) == ("tss-7", "acc", 200, 0.865)
    assert first.validation is None
    assert first.trial_facts == {"parameters": 129306, "macs": 15646730, "nats.arch": "|a~0|"}
    assert second.trial_facts["parameters"] == 131006
    assert third.accuracy == pytest.approx(0.2742222222)
    assert first.memberships[0].collection == "nats-tss-200"


def test_sizes_other_epochs_seeds_and_validation_scores_can_be_read(table):
    place = table(
        "32767,cifar10,2e7,3e5,90,777,80", "32767,cifar10,2e7,3e5,91,888,",
        header="idx,dataset,flops,params,test_accuracy,seed,valid_accuracy",
    )  # fmt: skip
    first, second = nats_bench.read(place, space="sss", epochs=12)
    assert (first.nn, first.epoch, first.validation) == ("sss-32767", 12, 0.8)
    assert second.validation is None
    assert (first.trial, second.trial) == ("32767 777", "32767 888")
    assert first.memberships[0].collection == "nats-sss-12"
    [full, _] = nats_bench.read(place, space="sss")
    assert full.epoch == 90


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("15625,x,cifar10,1,1,50", "idx is 15625; expected 0 to 15624 in tss"),
        ("a,x,cifar10,1,1,50", "invalid literal for int() with base 10: 'a'"),
        ("1,x,svhn,1,1,50", "dataset is 'svhn'; expected cifar10, cifar100, ImageNet16-120"),
        ("1,x,cifar10,1,1,101", "test_accuracy is '101'; expected percent, 0 to 100"),
        ("1,x,cifar10,1,1,nan", "test_accuracy is 'nan'; expected percent, 0 to 100"),
        ("1,x,cifar10,1,0,50", "params is '0'; expected a number above 0"),
        ("1,x,cifar10,inf,1,50", "flops is 'inf'; expected a number above 0"),
    ],
)
def test_invalid_rows_are_faults_and_the_others_are_read(row, reason, table):
    place = table(row, *ROWS)
    fault, *records = nats_bench.read(place)
    assert fault == Fault(f"{place}:2", reason)
    assert len(records) == 3


def test_wrong_options_and_tables_are_errors(table):
    place = table(*ROWS)
    with pytest.raises(SettingsError, match="space is 'nts'; expected tss or sss"):
        list(nats_bench.read(place, space="nts"))
    with pytest.raises(SettingsError, match="epochs is -1; expected a whole number from 0"):
        list(nats_bench.read(place, epochs=-1))
    place = table(header="idx,dataset,flops,test_accuracy")
    assert not nats_bench.recognises(place)
    with pytest.raises(SettingsError, match="its first line lacks columns; expected idx,dataset,f"):
        list(nats_bench.read(place))


def test_an_imported_table_is_a_population_with_complexities(table, tmp_path):
    db = tmp_path / "nats.db"
    rows = [f"{at},x{at},{name},{1e6 + at},{1e5 + at},{50 + at}"
            for name in ("cifar10", "cifar100") for at in range(4)]  # fmt: skip
    done = CliRunner().invoke(cli, ["db", "import", str(table(*rows)), "--db", str(db)])
    assert done.exit_code == 0, done.output
    frame = lemur_core.data(db=db, collection="nats-tss-200", with_facts=True)
    population = rep.from_results(frame)
    assert len(population) == 8
    assert rep.rank_correlations(population)["correlation"].tolist() == [1.0]
    table_ = rep.complexity_correlations(population, columns=("parameters", "macs"))
    assert table_["correlation"].tolist() == [-1.0] * 4
