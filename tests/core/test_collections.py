"""Collections: named sets of trials, each member with a role and a position."""

import math
import shutil

import pytest
from click.testing import CliRunner

import lemur_core
from lemur_core import CollectionSummary, collect, collection, collections
from lemur_core.cli import cli
from lemur_core.errors import CollectionError, SettingsError, UnknownNameError
from lemur_core.store import schema
from lemur_core.store.collections import Member
from lemur_core.store.database import open_engine

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
LISTS = "expected a list of trials, or a dictionary of lists by role"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "results.db"
    names = {"task": "t", "dataset": "d", "metric": "m", "nn": "Net", "prm": "p"}
    rows = [{"uid": uid, **names, "state": "finished", "versions": {}} for uid in (A, B, C)]
    with open_engine(path, create=True) as engine, engine.begin() as connection:
        connection.execute(schema.trial.insert(), rows)
    return path


@pytest.fixture
def db(template, tmp_path):
    """A database with three trials."""
    return shutil.copy(template, tmp_path)


def members(collected):
    return [(role, position, trial[0]) for role, position, trial in collected.members]


def test_a_list_of_trials_is_a_set_of_members(db):
    collected = collect("best", [B, "a"], db=db)
    assert (collected.name, collected.kind, collected.spec, collected.provenance) == (
        "best",
        "set",
        None,
        None,
    )
    assert collected.members == (Member("member", 0, B), Member("member", 1, A))
    assert collection("best", db=db) == collected


def test_trials_have_roles(db):
    collected = collect("twins", {"torch": [A, B], "jax": C}, kind="pair", db=db)
    assert members(collected) == [("jax", 0, "c"), ("torch", 0, "a"), ("torch", 1, "b")]


def test_a_trial_may_have_several_roles(db):
    collected = collect("twins", {"x": A, "y": A}, db=db)
    assert members(collected) == [("x", 0, "a"), ("y", 0, "a")]


def test_repeating_a_call_changes_nothing(db):
    spec = {"lr": [0.1, 1e-300], "größe": 2**70}
    collected = collect("zoo", [A], kind="zoo", spec=spec, provenance="doi:1", db=db)
    assert collected.spec == spec
    again = collect("zoo", [A], kind="zoo", spec=spec, provenance="doi:1", db=db)
    assert again == collected
    assert collect("zoo", db=db) == collected


def test_members_are_appended(db):
    collect("zoo", {"x": [B]}, kind="zoo", spec=1, db=db)
    collected = collect("zoo", {"x": [C, B, A], "y": [A]}, db=db)
    assert members(collected) == [("x", 0, "b"), ("x", 1, "c"), ("x", 2, "a"), ("y", 0, "a")]
    assert (collected.kind, collected.spec) == ("zoo", 1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"kind": "pair"}, "another kind, zoo; choose another name"),
        ({"spec": {"a": 1.0}}, 'another spec, {"a":1}; choose another name'),
        ({"provenance": 2}, "another provenance, null; choose another name"),
    ],
    ids=lambda value: str(value),
)
def test_a_different_kind_or_spec_under_the_same_name_is_refused(db, arguments, line):
    collect("zoo", [A], kind="zoo", spec={"a": 1}, db=db)
    with pytest.raises(CollectionError) as raised:
        collect("zoo", [B], db=db, **arguments)
    assert str(raised.value) == f"collection 'zoo' already exists with {line}"
    assert members(collection("zoo", db=db)) == [("member", 0, "a")]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"members": [A, "aa"]}, "trial 'aa' is given twice for the role 'member'"),
        (
            {"members": A},
            f"members {A!r}: expected a list of trials, or a dictionary of lists by role",
        ),
        (
            {"members": {"x": 3}},
            "members 3: expected a list of trials, or a dictionary of lists by role",
        ),
        ({"members": [], "spec": math.inf}, "spec is or contains inf; expected finite numbers"),
        (
            {"members": [], "provenance": {1}},
            "provenance is of type set; expected a number, string, bool, None, list or dictionary",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_collection_is_an_error_of_one_line(db, arguments, line):
    with pytest.raises(CollectionError) as raised:
        collect("zoo", db=db, **arguments)
    assert str(raised.value) == f"collection 'zoo': {line}"
    assert collections(db=db) == []


def test_a_collection_with_an_unknown_trial_is_not_created(db):
    with pytest.raises(UnknownNameError, match="unknown trial 'd'"):
        collect("zoo", [A, "d"], db=db)
    assert collections(db=db) == []


def test_unknown_collections_are_errors_of_one_line(db):
    with pytest.raises(UnknownNameError) as raised:
        collection("zo", db=db)
    assert str(raised.value) == "unknown collection 'zo'; there are none: none is recorded"
    collect("zoo", db=db)
    with pytest.raises(UnknownNameError) as raised:
        collection("zo", db=db)
    assert str(raised.value) == "unknown collection 'zo'. Did you mean 'zoo'?"


def test_collections_are_listed_with_the_number_of_their_members(db):
    collected = [collect("zoo", {"x": [A, B], "y": C}, kind="zoo", db=db), collect("empty", db=db)]
    assert collections(db=db) == [
        CollectionSummary("zoo", "zoo", {"x": 2, "y": 1}, collected[0].created),
        CollectionSummary("empty", "set", {}, collected[1].created),
    ]


def shown(*arguments):
    ran = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.output


def test_collections_are_listed_and_shown(db):
    assert shown("list", "collection", "--db", db) == "no collection is recorded\n"
    spec = {"width": [1, 2.5], "größe": "ä"}
    collected = collect("twins", {"x": [A, B], "y": C}, kind="pair", spec=spec, db=db)
    assert shown("list", "collections", "--db", db).splitlines() == [
        f"collection  kind  members  roles     {'created':<{len(collected.created)}}".rstrip(),
        f"twins       pair        3  x 2, y 1  {collected.created}",
    ]
    assert (
        shown("show", "collection", "twins", "--db", db)
        == f"""\
collection  twins
kind        pair
uid         {collected.uid}
created     {collected.created}
spec        größe = "ä"
spec        width = [1, 2.5]
members     3

role  position  trial
x            0  {A}
x            1  {B}
y            0  {C}
"""
    )


def test_a_long_list_is_shown_by_its_length_and_its_first_member(db):
    designs = [[f"net-{number}", number] for number in range(1500)]
    collect("study", {"x": [A]}, spec={"designs": designs}, db=db)
    lines = shown("show", "collection", "study", "--db", db).splitlines()
    assert 'spec        designs = a list of 1,500, of which the first is ["net-0", 0]' in lines


def test_a_missing_collection_is_an_error_of_one_line(db):
    with pytest.raises(UnknownNameError, match="unknown collection 'zoo'; there are none"):
        shown("show", "collection", "zoo", "--db", db)


def test_the_rows_of_a_collection_have_roles_and_positions(db):
    with open_engine(db) as engine, engine.begin() as connection:
        rows = [
            {"trial_id": trial, "epoch": epoch, "accuracy": trial / 4}
            for trial in (1, 2, 3)
            for epoch in (1, 2)
        ]
        connection.execute(schema.stat.insert(), rows)
    collect("twins", {"x": [B, A], "y": A}, db=db)
    columns = ["trial", "epoch", "accuracy", "role", "position"]
    frame = lemur_core.data(collection="twins", epoch=2, columns=columns, db=db)
    assert frame.to_numpy().tolist() == [
        [A, 2, 0.25, "x", 1],
        [A, 2, 0.25, "y", 0],
        [B, 2, 0.5, "x", 0],
    ]
    assert len(lemur_core.data(collection="twins", max_rows=1, db=db)) == 1
    assert [*lemur_core.data(collection="twins", db=db).columns][-2:] == ["role", "position"]
    assert "role" not in lemur_core.data(db=db)
    best = lemur_core.data(collection="twins", only_best=True, epoch=1, db=db)
    assert [*best["accuracy"]] == [0.5]
    assert lemur_core.data(collection="twins", nn="Other", db=db).empty
    with pytest.raises(UnknownNameError, match="unknown collection 'twin'"):
        lemur_core.data(collection="twin", db=db)
    with pytest.raises(SettingsError, match="rows cannot be filtered by 'role'"):
        lemur_core.data(where={"role": "x"}, db=db)
