"""A third-party plugin registers an exporter, an importer and entries of its own kind."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from lemur_core import Entry, data, registry
from lemur_core.registry import Registry

CURVES = """net,seed,lr,epoch,accuracy
TinyConv,1,0.1,1,0.5
TinyConv,1,0.1,2,0.75
TinyConv,2,0.1,1,0.25
TinyConv,2,0.1,2,torn
"""


@pytest.fixture
def tiny(toys, third_party, monkeypatch):
    """The installed plugins, including the third-party distribution."""
    load = lambda: import_module("lemur_tiny.plugin")  # noqa: E731
    with monkeypatch.context() as patch:
        more = Registry()
        # The entries of the core come from `toys`.
        more.plugins["core"] = toys.plugins["core"]
        more.add(SimpleNamespace(name="tiny", load=load))
        assert more.failures == []
        patch.setattr(registry, "installed", lambda: more)
        for module in ("list", "show", "doctor"):
            patch.setattr(import_module(f"lemur_core.cli.{module}"), "installed", lambda: more)
        yield more


def test_third_party_kind_is_listed_shown_and_counted(lemur, tiny):
    table = (
        "zoo    plugin  summary\n"
        "rates  tiny    Three learning rates\n"
    )  # fmt: skip
    assert lemur("list", "zoo") == lemur("list", "zoos") == (0, table, "")
    assert table in lemur("list")[1]
    status, out, _ = lemur("show", "zoo", "rates", "--no-source")
    assert status == 0
    assert out.splitlines() == [
        "zoo         tiny/rates",
        "about       Three learning rates",
        "origin      tiny",
        "target      lemur_tiny.zoos:learning_rates",
        "members     3",
    ]
    assert ", 1 exporter, 1 importer, 1 zoo, the kind zoo\n" in lemur("doctor", "--no-torch")[1]
    assert lemur("list", "zo") == (2, "", "lemur: error: unknown kind 'zo'. Did you mean 'zoo'?\n")
    helped = [line.split() for line in lemur("list", "--help")[1].splitlines()]
    assert ["zoo", "A", "population", "of", "nets"] in helped


def test_entry_that_cannot_be_shown_prints_one_line(lemur, tiny):
    tiny.plugins["tiny"].entries["zoo"].append(Entry("odd", "lemur_tiny.markdown:export"))
    assert lemur("show", "zoo", "tiny/odd") == (
        2,
        "",
        "lemur: error: zoo 'odd' cannot be shown: TypeError: export() missing 2 required "
        "positional arguments: 'results' and 'path'\n",
    )


def test_third_party_exporter_and_importer_work_with_the_commands(lemur, tiny, tmp_path):
    (tmp_path / "curves.csv").write_text(CURVES)
    assert lemur("db", "import", "curves.csv") == (
        1,
        "curves.csv: 3 records imported, 0 already present, 1 could not be read\n",
        "curves.csv:5: could not convert string to float: 'torn'\n",
    )
    frame = data(with_curves=True)
    assert sorted(len(curve) for curve in frame["curve"]) == [1, 2, 2]
    written = lemur("export", "--format", "tiny-markdown:title=Tiny,digits=2", "-o", "out.md")
    assert written == (0, "wrote out.md, 57 B: 1 pipelines\n", "")
    assert (tmp_path / "out.md").read_text() == (
        "# Tiny\n\n| net | accuracy |\n|---|---|\n| TinyConv | 0.75 |\n"
    )
