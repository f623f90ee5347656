"""The recorded code is the code that was trained, even if its files change."""

import inspect
import sys

import pytest

from lemur_core import Entry, data
from lemur_core.campaign.run import campaign
from lemur_core.entry import entry_of_file
from lemur_core.errors import CodeChangedError, PluginError
from lemur_core.events import CampaignStarted
from lemur_core.pipeline_code import CodeReader
from lemur_core.settings import Settings
from lemur_core.sources import recipe

TASKS = ("img-classification",)
NET = """
from math import prod
from torch import nn
from .blocks import LOSS


def supported_hyperparameters():
    return ()


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(prod(in_shape), *out_shape))

    def train_setup(self, prm):
        self.to("cpu")

    def learn(self, train_data):
        for _ in train_data:
            pass
        return LOSS

    def forward(self, images):
        return self.layers(images)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a net whose loss tells which version of its text is executed."""
    name = f"lemur_edited_{tmp_path.name.replace('-', '_')}"
    nets = tmp_path / name / "nets"
    nets.mkdir(parents=True)
    (nets.parent / "__init__.py").touch()
    (nets / "__init__.py").touch()
    (nets / "Edited.py").write_text(NET)
    (nets / "blocks.py").write_text("LOSS = 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return nets


def net_of(package):
    return Entry("Edited", f"{package.parent.name}.nets.Edited", TASKS)


@pytest.mark.parametrize("in_process", [True, False], ids=["in this process", "in another"])
def test_a_net_edited_during_a_campaign_is_trained_as_recorded(in_process, package, toys, tmp_path):
    registry = toys.with_entries("mine", "net", [net_of(package)])
    planned = net_of(package).code()

    def edit(event):
        if isinstance(event, CampaignStarted):
            (package / "blocks.py").write_text("LOSS = 2.0\n")

    settings = {"patterns": ("img-classification_blobs_hits_Edited",), "trials": 2, "epochs": 1}
    more = {"db": str(tmp_path / "r.db"), "in_process": in_process, "threads": 1, "workers": 1}
    campaign(Settings.of(settings | more), registry, edit)
    rows = data(db=more["db"])
    assert set(rows["nn_code"]) == {planned}
    assert rows["loss"].tolist() == [1.0, 1.0]
    if not in_process:
        return
    # The next campaign trains another net.
    campaign(Settings.of(settings | more), registry, lambda event: None)
    rows = data(db=more["db"])
    assert dict(zip(rows["nn_code"], rows["loss"], strict=True)) == {
        planned: 1.0, net_of(package).code(): 2.0,
    }  # fmt: skip


@pytest.mark.parametrize("is_module", [True, False], ids=["a module", "a file"])
def test_a_net_executes_the_code_that_was_read(is_module, package):
    (package / "Edited.py").write_text("def loss():\n    return 1\n")
    entry = net_of(package) if is_module else entry_of_file(package / "Edited.py")
    read = entry.with_snapshot(is_net=True)
    (package / "Edited.py").write_text("def loss():\n    return 2\n")
    assert (read.load().loss(), entry.load().loss(), read.load().loss()) == (1, 2, 1)
    assert read.code() == "def loss():\n    return 1\n" != entry.code()
    assert inspect.getsource(read.load().loss) == "def loss():\n    return 1\n"
    assert read.load().__file__ == str(package / "Edited.py")


def test_a_module_stays_in_its_package_and_is_executed_once(package):
    (package / "Edited.py").write_text(
        "import importlib\nlater = importlib.import_module('.later', __package__)\n"
    )
    (package / "later.py").touch()
    read = net_of(package).with_snapshot(is_net=True)
    module = read.load()
    assert module.later is sys.modules[f"{package.parent.name}.nets.later"]
    assert read.load() is module
    assert net_of(package).target not in sys.modules


def test_a_module_that_does_not_import_raises_the_error_of_python(package):
    (package / "Edited.py").write_text("import nowhere_at_all\n")
    with pytest.raises(PluginError) as raised:
        net_of(package).with_snapshot(is_net=True).load()
    assert str(raised.value) == (
        f"'Edited': {net_of(package).target} cannot be imported: No module named 'nowhere_at_all'"
    )


def test_a_metric_that_differs_from_the_code_read_is_refused(package):
    (package / "hits.py").write_text("def hits(): return 1\n")
    entry = Entry("hits", f"{package.parent.name}.nets.hits:hits")
    first = entry.with_snapshot()
    assert first.load()() == 1
    (package / "hits.py").write_text("def hits(): return 2\n")
    # The recorded code is the code that this process imported.
    assert first.load()() == 1
    assert first.source() == "def hits(): return 1\n"
    with pytest.raises(CodeChangedError) as raised:
        entry.with_snapshot().load()
    assert str(raised.value) == (
        f"'hits': {package.parent.name}.nets.hits was edited, and the code that was imported is "
        "not the code that was recorded; restart Python and the campaign"
    )


def test_a_metric_edited_before_its_import_is_rejected(package):
    (package / "late.py").write_text("def hits(): return 1\n")
    read = Entry("hits", f"{package.parent.name}.nets.late:hits").with_snapshot()
    (package / "late.py").write_text("def hits(): return 2\n")
    with pytest.raises(CodeChangedError):
        read.load()


def test_code_is_read_once_for_all_pipelines(package, toys, monkeypatch):
    from lemur_core.composition import compose
    from lemur_core.pattern import Pattern

    entries = [Entry(f"Edited{number}", net_of(package).target, TASKS) for number in range(3)]
    registry = toys.with_entries("mine", "net", entries)
    pipelines = compose(registry, [Pattern.parse("img-classification_blobs_hits_Edited*")])
    reader, read = CodeReader(), []
    code = Entry.code
    monkeypatch.setattr(Entry, "code", lambda entry: read.append(entry.name) or code(entry))
    assert len({reader.read(pipeline).net_entry.snapshot for pipeline in pipelines}) == 1
    assert read == ["Edited0"]


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """A net trained by a base class in another package, which determines its loss."""
    base = tmp_path / "theirs" / "lemur_base_of_another.py"
    base.parent.mkdir()
    base.write_text(NET.replace("from .blocks import LOSS", "LOSS = 1.0").replace("Net(", "Base("))
    net = tmp_path / "mine" / "Derived.py"
    net.parent.mkdir()
    net.write_text(
        "from lemur_base_of_another import Base, supported_hyperparameters\nclass Net(Base): pass\n"
    )
    monkeypatch.syspath_prepend(str(base.parent))
    yield base, entry_of_file(net, TASKS)
    sys.modules.pop("lemur_base_of_another", None)
    forget_recipes()


def forget_recipes():
    recipe._installed_names.cache_clear()
    recipe.recipe_of.cache_clear()


def test_a_trial_with_another_recipe_is_another_study(trainer, toys, tmp_path):
    base, entry = trainer
    registry, db = toys.with_entries("mine", "net", [entry]), str(tmp_path / "r.db")
    settings = {"patterns": ("img-classification_blobs_hits_Derived",), "trials": 1, "epochs": 1}

    def run():
        forget_recipes()
        sys.modules.pop("lemur_base_of_another", None)
        more = {"db": db, "in_process": True}
        return campaign(Settings.of(settings | more), registry, lambda event: None)

    def losses():
        return data(db=db)["loss"].tolist()

    run()
    base.write_text(base.read_text() + "# a comment\n")
    run()
    assert losses() == [1.0]
    # The length differs, as Python may treat a file with the same second and length as unchanged.
    base.write_text(base.read_text().replace("LOSS = 1.0", "LOSS = 10 / 5"))
    run()
    assert losses() == [1.0, 2.0]
    rows = data(db=db, with_stats=True)
    assert rows["recipe"].nunique() == 2
    assert rows["nn_code"].nunique() == 1


def test_a_recipe_that_differs_from_the_recorded_one_is_refused(trainer, toys):
    from lemur_core.composition import compose
    from lemur_core.pattern import Pattern
    from lemur_core.train.data import Bundles
    from lemur_core.train.training import Training
    from lemur_core.trial import Trial

    base, entry = trainer
    registry = toys.with_entries("mine", "net", [entry])
    [pipeline] = compose(registry, [Pattern.parse("img-classification_blobs_hits_Derived")])
    prm = {"batch": 8, "transform": "plain"}
    trial = Trial(pipeline, 1, prm, 0, 1, recipe=entry.recipe())
    bundle = Bundles(base.parent).get(pipeline)
    assert Training(trial, bundle).net
    base.write_text(base.read_text().replace("LOSS = 1.0", "LOSS = 2.0"))
    forget_recipes()
    with pytest.raises(CodeChangedError) as raised:
        Training(trial, bundle)
    assert str(raised.value) == (
        "'Derived': the code that trains it was edited, and the code that was imported is not the "
        "code that was recorded; restart Python and the campaign"
    )
