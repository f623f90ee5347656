"""Checks of the claims of papers, registered by this plugin and by another one."""

import json
import sys
import zipfile

import pandas as pd
import pytest
from click.testing import CliRunner

from lemur_analysis.papers.paper import CheckedClaim, Claim, ClaimStatus, Sources, check
from lemur_core import Entry, registry
from lemur_core.cli import cli
from lemur_core.errors import ContractError, MissingDataError, StoreError

THIRD = """
from lemur_analysis.papers.paper import Claim

def claims(sources):
    yield Claim("answer", "table 1", 0.42, lambda: 0.421, 0.005, "printed with two digits")
    yield Claim("=best net", "table 2", "ResNet", lambda: "VGG", dispute="rows were swapped")
    yield Claim("size", "figure 1", 3, lambda: sources.file("a.csv", "example.org").stat().st_size)

def wrong(sources):
    yield Claim("answer", "table 1", 0.42, lambda: 0.43, 0.005, "printed with two digits")

def uncompared(sources):
    yield Claim("answer", "table 1", None, lambda: 0.43)
    yield Claim("other", "table 1", None, lambda: str(sources.datasets), dispute="half a zoo")

def empty(sources):
    yield Claim("answer", "table 1", 0.42, lambda: float("nan"))

def broken(sources):
    yield 3
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs lemur with the papers of another plugin: status and output."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "third_papers.py").write_text(THIRD)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.chdir(tmp_path)
    entries = [
        Entry(name, f"third_papers:{name}")
        for name in ("claims", "wrong", "uncompared", "empty", "broken")
    ]
    more = registry.installed().with_entries("third", "paper", entries)
    monkeypatch.setattr(registry, "installed", lambda: more)

    def call(*arguments):
        done = CliRunner().invoke(cli, ["reproduce-paper", *map(str, arguments)])
        return done.exit_code, done.output

    yield call
    sys.modules.pop("third_papers", None)


def claim(published, ours, tolerance=0.0, dispute=""):
    return Claim("a", "table 1", published, lambda: ours, tolerance, dispute=dispute)


@pytest.mark.parametrize(
    ("paper_claim", "verdict"),
    [
        (claim(0.42, 0.424, 0.005), ClaimStatus.AGREES),
        (claim(0.42, 0.426, 0.005), ClaimStatus.DIFFERS),
        # 0.3 - 0.25 is more than 0.05 in binary numbers.
        (claim(0.3, 0.25, 0.05), ClaimStatus.AGREES),
        (claim(322, 322), ClaimStatus.AGREES),
        (claim(322, 321), ClaimStatus.DIFFERS),
        (claim(322, 321, dispute="a row was lost"), ClaimStatus.DISPUTED),
        (claim(322, 322, dispute="a row was lost"), ClaimStatus.AGREES),
        (claim(0.5, float("nan"), 1.0), ClaimStatus.DIFFERS),
        (claim(0.5, float("inf"), 1.0), ClaimStatus.DIFFERS),
        (claim("yes", "yes"), ClaimStatus.AGREES),
        (claim("yes", "no"), ClaimStatus.DIFFERS),
        (claim("yes", 1.0), ClaimStatus.DIFFERS),
    ],
)
def test_a_claim_agrees_within_its_tolerance(paper_claim, verdict):
    assert check(paper_claim).verdict is verdict


def test_missing_data_is_reported(tmp_path):
    def compute():
        raise MissingDataError("no such file")

    done = check(Claim("a", "table 1", 1, compute))
    assert (done, done.verdict) == (
        CheckedClaim(done.claim, None, "no such file"),
        ClaimStatus.MISSING,
    )


@pytest.mark.parametrize("ours", [True, None, [1]])
def test_a_value_that_is_neither_number_nor_text_is_refused(ours):
    with pytest.raises(ContractError, match="claim 'a': computed .*; expected a number or text"):
        check(claim(1, ours))


def test_sources_say_what_they_lack(tmp_path):
    with pytest.raises(MissingDataError) as caught:
        Sources(tmp_path).file("a.csv", "example.org")
    assert str(caught.value) == "a.csv is missing: get it from example.org, and give --data"
    with pytest.raises(MissingDataError, match="there is no database of results: give --db"):
        Sources().results()
    with pytest.raises(MissingDataError) as caught:
        Sources(db=tmp_path / "none.db").results()
    assert isinstance(caught.value.__cause__, StoreError)


def test_claims_of_a_third_party_are_printed(run):
    status, text = run("claims")
    assert status == 0
    assert text.splitlines() == [
        "claim      where     published  ours   agrees",
        "answer     table 1   0.42       0.421  yes",
        "=best net  table 2   ResNet     VGG    no, explained",
        "size       figure 1  3          -      not checked",
        "no, explained: =best net: rows were swapped",
        "not checked: size: a.csv is missing: get it from example.org, and give --data",
        "yes: 1, no, explained: 1, not checked: 1",
    ]


def test_a_claim_that_differs_fails(run):
    status, text = run("wrong")
    assert status == 1
    assert text.splitlines()[-2:] == [
        "no: answer: tolerance 0.005: printed with two digits", "no: 1",
    ]  # fmt: skip


def test_values_without_a_published_one_are_shown_alone(run, tmp_path):
    status, text = run("uncompared", "--datasets", "images", "--out", "a.json")
    assert status == 0
    assert text.splitlines()[1:-1] == [
        "answer  table 1          -  0.43    only ours",
        "other   table 1          -  images  only ours",
        "only ours: answer: the published value is not available",
        "only ours: other: half a zoo",
        "only ours: 2",
    ]
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [(row["published"], row["ours"]) for row in rows] == [(None, 0.43), (None, "images")]


def test_claims_are_written_to_files(run, tmp_path):
    for name in ("a.csv", "a.json"):
        assert run("claims", "--out", name)[1].endswith(f"wrote {name}\n")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert rows[0] == {
        "claim": "answer", "where": "table 1", "published": 0.42, "ours": 0.421,
        "tolerance": 0.005, "reason": "printed with two digits", "agrees": "yes", "dispute": "",
        "missing": "",
    }  # fmt: skip
    assert rows[2]["ours"] is None
    assert pd.read_csv(tmp_path / "a.csv")["agrees"].tolist() == [row["agrees"] for row in rows]


def test_values_that_are_not_finite_are_null_in_json(run, tmp_path):
    assert run("empty", "--out", "a.json")[0] == 1
    assert [row["ours"] for row in json.loads((tmp_path / "a.json").read_text())] == [None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["claim"], "unknown paper 'claim'. Did you mean 'claims'?"),
        (["claims", "--out", "a.txt"], "a.txt: expected a file whose name ends in .csv or .json"),
        (["claims", "--out", "none/a.csv"], "none/a.csv: cannot be written: there is no directory"),
        (["broken"], "a paper yields 3; expected a Claim"),
    ],
)
def test_errors_are_one_line(run, arguments, message):
    import lemur_core.errors

    result = CliRunner().invoke(cli, ["reproduce-paper", *arguments])
    said = result.output if result.exception is None else f"{result.exception}{result.output}"
    assert result.exit_code != 0
    assert message in said
    assert result.exception is None or isinstance(
        result.exception, SystemExit | lemur_core.errors.LemurError
    )


def write(folder, records):
    """Write an archive like LEMUR's published records from scores by pipeline and epoch."""
    (folder / "lemur").mkdir()
    with zipfile.ZipFile(folder / "lemur" / "stat.zip", "w") as archive:
        for name, rows in records.items():
            archive.writestr(f"stat/{name}.json", json.dumps(rows))


def test_records_are_counted_and_compared(tmp_path):
    from lemur_analysis.papers.lemur import claims

    write(
        tmp_path,
        {
            "img-segmentation_coco_iou_UNet-1/1": [
                {"accuracy": 0.44941, "lr": 0.1, "duration": 5, "uid": "a"},
                {"accuracy": 0.25, "lr": 0.2, "uid": "b"},
            ],
            "img-segmentation_coco_iou_UNet-1/2": [{"accuracy": 0.125, "lr": 0.1, "uid": "c"}],
        },
    )
    done = {claim.text: check(claim) for claim in claims(Sources(tmp_path))}
    best = done["UNet-1: best iou on coco, img-segmentation"]
    assert (best.ours, best.verdict) == (0.44941, ClaimStatus.AGREES)
    counts = ("records", "pipelines", "settings", "records with a duration", "records of coco, iou")
    assert [done[name].ours for name in counts] == [3, 1, 2, 1, 3]
    # A net without records has no best score.
    assert done["FCN16s: best iou on coco, img-segmentation"].verdict is ClaimStatus.DIFFERS


def test_published_pairs_agree(crossedwires_folder):
    from lemur_analysis.papers.crossedwires import claims

    exact = [
        claim
        for claim in claims(Sources(crossedwires_folder))
        if "information" not in claim.where and "published tables" not in claim.where
    ]
    assert len(exact) == 20
    assert {check(claim).verdict for claim in exact} == {ClaimStatus.AGREES}


def test_published_records_agree(lemur_folder):
    from lemur_analysis.papers.lemur import claims

    assert {check(claim).verdict for claim in claims(Sources(lemur_folder))} == {ClaimStatus.AGREES}
