import ast
import json
import subprocess
import sys
from functools import partial

import pytest

import lemur_core
from lemur_core import data
from lemur_core.entry import Entry, entry_of_file
from lemur_core.errors import PluginError
from lemur_core.events import Warned
from lemur_core.sources.complete import complete
from lemur_core.sources.text import split_modules

run = partial(lemur_core.run, in_process=True)
BLOBS = "img-classification_blobs_hits"
NET = """
from math import prod
from torch import nn
from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"width": "1..4 int"}


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.layers = nn.Sequential(nn.Flatten(), block(prod(in_shape), *out_shape))

    def forward(self, images):
        return self.layers(images)
"""
BLOCKS = """from torch import nn


def block(inputs, outputs):
    return nn.Linear(inputs, outputs)
"""


@pytest.fixture
def folder(tmp_path):
    """Write files to a folder and return it."""

    def write(files):
        for name, text in files.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


def values(place, *names):
    """Execute a text as a script in an empty folder and return the values of names."""
    place.mkdir(exist_ok=True)
    (place / "text.py").write_text(names[0])
    code = (
        f"import json, runpy; made = runpy.run_path({str(place / 'text.py')!r}); "
        f"print(json.dumps([made[name] for name in {names[1:]!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=place, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pythons(script, *names):
    """Execute a file as a script, whose folder is searched first, and return values of names."""
    code = (
        f"import json, runpy, sys; sys.path.insert(0, {str(script.parent)!r}); "
        f"made = runpy.run_path({str(script)!r}); "
        f"print(json.dumps([made[name] for name in {names!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_net_of_one_file_is_recorded_unchanged(folder):
    text = "# a comment\n\nimport json, torch\nfrom collections import *\nx = 'blocks'\n"
    files = folder({"Net.py": text, "blocks.py": "", "other.py": ""})
    assert complete(files / "Net.py") == text


IMPORTS = {
    "from a module": "from one import value\n",
    "a module": "import one\nvalue = one.value\n",
    "a module under another name": "import one as un\nvalue = un.value\n",
    "everything": "from one import *\n",
    "several, over lines": (
        "import json, \\\n    one, \\\n    pack.deep as d\nvalue = one.value + d.value\n"
    ),
    "names over lines": "from one import (  # comment\n    value,\n)\n",
    "a package's module": "import pack.deep\nvalue = pack.deep.value + pack.here\n",
    "a module from a package": "from pack import deep\nvalue = deep.value\n",
    "a name of a package": "from pack import here as value\n",
    "a package without __init__": "from bare.leaf import value\n",
    "in a function": "def get():\n    from one import value\n    return value\nvalue = get()\n",
    "under a condition": "if True: import one; value = one.value\n",
    "that may be missing": (
        "try:\n    from absent import value\nexcept ImportError:\n    from one import value\n"
    ),
    "after a docstring and the future": (
        '"""Doc."""\nfrom __future__ import annotations\nfrom one import value\n'
    ),
    "with letters of several bytes": "ä = 'é'; from one import value\n",
    "through others": "from chain import value\n",
    "in a circle": "from circle import value\n",
    "with every kind of quotes": "from quotes import value\n",
    "in another encoding": "from latin import value\n",
    "with annotations that are never run": "from future import value\n",
    "named like a standard module": (
        "import random, one\nvalue = [one.value, random.randint(3, 3)]\n"
    ),
    "of itself": "import sys\nfrom again import value\n",
}  # fmt: skip
MODULES = {
    "one.py": "value = 1\n",
    "pack/__init__.py": "from .deep import value as here\n",
    "pack/deep.py": "from . import sub\nfrom .sub.leaf import leaf\nvalue = 2 + leaf\n",
    "pack/sub/__init__.py": "",
    "pack/sub/leaf.py": "from .. import sub\nleaf = 3\n",
    "bare/leaf.py": "from bare import twig\nvalue = 4 + twig.value\n",
    "bare/twig.py": "value = 5\n",
    "chain.py": "import one as first\nfrom pack import *\nvalue = [first.value, here]\n",
    "circle.py": "import circle2\nx = 7\nvalue = circle2.get()\n",
    "circle2.py": "import circle\ndef get():\n    return circle.x\n",
    "quotes.py": "value = '''a''' + \"\"\"b\"\"\" + 'c\\\\' + \"\\n\"\n",
    "latin.py": "# coding: latin-1\nvalue = '\xe9'\n".encode("latin-1"),
    "future.py": "from __future__ import annotations\ndef f(x: nothing): ...\nvalue = 8\n",
    "random.py": "raise RuntimeError('shadows the standard library')\n",
    "again.py": "value = 9\n",
}


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS)
def test_the_joined_text_behaves_as_the_files(statement, folder, tmp_path):
    files = folder({"files/Net.py": statement} | {f"files/{n}": t for n, t in MODULES.items()})
    text = complete(files / "files" / "Net.py")
    shadowed = files / "files" / "random.py"
    if "random" in statement:
        # Python imports the file beside a script, lemur the module of the standard library.
        shadowed.unlink()
    assert values(tmp_path / "alone", text, "value") == pythons(files / "files/Net.py", "value")
    assert complete(tmp_path / "alone" / "text.py") == text


def test_line_numbers_match_the_file(folder):
    files = folder({
        "Net.py": '"""Doc."""\nimport json, \\\n    blocks\n\n\ndef fail():\n    raise OSError\n',
        "blocks.py": "\n\ndef inner():\n    raise ValueError\n",
    })  # fmt: skip
    module = entry_of_file(files / "Net.py").load()
    assert module.fail.__code__.co_firstlineno == 6
    assert module.fail.__code__.co_filename == str(files / "Net.py")
    assert module.blocks.inner.__code__.co_firstlineno == 3
    assert module.blocks.__file__ == str(files / "blocks.py")
    text = complete(files / "Net.py")
    line = text.split("\n").index("def fail():") + 1
    assert split_modules(text).line_of(line) == 6


def test_splitting_reverses_joining(folder):
    files = folder({"Net.py": "from blocks import block\n" + NET, "blocks.py": BLOCKS})
    parts = split_modules(complete(files / "Net.py"))
    assert [*parts.modules.values()] == ["", BLOCKS]
    assert len(parts.main.split("\n")) == len((files / "Net.py").read_text().split("\n"))


def test_changing_any_file_changes_the_code(folder):
    files = folder({"Net.py": "from blocks import *\n", "blocks.py": "from deep import *\n"})
    codes = []
    for text in ("x = 1\n", "x = 2\n", "x = 2  # why\n"):
        (files / "deep.py").write_text(text)
        codes.append(complete(files / "Net.py"))
    assert len(set(codes)) == 3


def test_two_nets_whose_neighbours_share_a_name_keep_their_own(folder):
    files = folder({
        "a/Net.py": "import blocks\ndef get():\n    import blocks as lazy\n    return lazy.x\n",
        "a/blocks.py": "x = 'a'\n",
        "b/Net.py": "import blocks\n",
        "b/blocks.py": "x = 'b'\n",
    })  # fmt: skip
    first, second = (entry_of_file(files / name / "Net.py").load() for name in "ab")
    assert (first.blocks.x, second.blocks.x, first.get()) == ("a", "b", "a")
    assert "blocks" not in sys.modules


def test_a_plugins_net_is_recorded_with_the_plugins_modules():
    entry = Entry("Raises", "lemur_toy.nets.Raises", ("img-classification",))
    parts = split_modules(entry.code())
    linear = Entry("Linear", "lemur_toy.nets.Linear").source()
    assert {name.partition(".")[2]: text for name, text in parts.modules.items()} == {
        "": "", "lemur_toy": "", "lemur_toy.nets": "", "lemur_toy.nets.Linear": linear,
    }  # fmt: skip
    assert "recorded_" not in entry.source()


def test_packages_that_contain_a_net_are_recorded_if_it_imports_from_them(folder, monkeypatch):
    files = folder({
        "lemur_fig/__init__.py": "WIDTH = 3\n",
        "lemur_fig/nets/__init__.py": "from .Other import Net\n",
        "lemur_fig/nets/Net.py": "from ..blocks import block\n",
        "lemur_fig/nets/Other.py": "from lemur_fig import WIDTH\nNet = WIDTH\n",
        "lemur_fig/blocks/__init__.py": "from .inner import block\n",
        "lemur_fig/blocks/inner.py": "block = 1\n",
    })  # fmt: skip
    monkeypatch.syspath_prepend(str(files))
    nets = Entry("Net", "lemur_fig.nets.Net"), Entry("Other", "lemur_fig.nets.Other")
    modules = [split_modules(net.code()).modules for net in nets]
    names = [
        {name.partition("lemur_fig")[2]: bool(text) for name, text in texts.items()}
        for texts in modules
    ]
    assert names == [{"": False, ".blocks": True, ".blocks.inner": True}, {"": True}]
    assert nets[0].unrecorded(()) == []


def test_a_net_of_two_files_is_trained_recorded_and_reproduced(folder, tmp_path):
    files = folder({"Two.py": f"from blocks import block\n{NET}", "blocks.py": BLOCKS})
    db = str(tmp_path / "results.db")
    settings = {"net": str(files / "Two.py"), "trials": 1, "epochs": 1, "db": db}
    run(BLOBS, **settings)
    run(BLOBS, **settings)
    [code] = data(db=db)["nn_code"]
    assert code == complete(files / "Two.py")
    (files / "blocks.py").write_text(BLOCKS + "\n# another\n")
    run(BLOBS, **settings)
    assert len(set(data(db=db)["nn_code"])) == 2


@pytest.mark.parametrize("options", [["-P"], []], ids=["as lemur", "as python -m lemur_core"])
def test_modules_of_the_working_directory_are_not_found(folder, options, python):
    folder({"nets/Two.py": f"from elsewhere import block\n{NET}", "elsewhere.py": BLOCKS})
    with pytest.raises(subprocess.CalledProcessError) as raised:
        python(*options, "-m", "lemur_core", "run", BLOBS, "--net", "nets/Two.py")
    assert raised.value.stderr == (
        "lemur: error: net 'Two' cannot be imported: "
        "ModuleNotFoundError: No module named 'elsewhere'\n"
    )


def test_unrecorded_files_are_reported(folder, tmp_path):
    files = folder({
        "Net.py": (
            "import importlib, random, sys, torch\nfrom pathlib import Path\n"
            "sys.path.insert(0, str(Path(__file__).parent / 'more'))\n"
            "import hidden_one\nhidden_two = importlib.import_module('hidden_two')\n"
            "sys.path.pop(0)\ntable = Path(__file__).with_name('table.json')\n"
            f"from torch.nn import Linear as block\n{NET}"
        ),
        "more/hidden_one.py": "",
        "more/hidden_two.py": "",
        "table.json": "{}",
        "torch.py": "",
        "einops.py": "",
    })  # fmt: skip
    events = []
    run(BLOBS, net=str(files / "Net.py"), trials=1, epochs=1, db=str(tmp_path / "r.db"),
        watch=events.append)  # fmt: skip
    said = "net 'Net': not recorded with its code: "
    reason = "a module that it imports by name or finds through sys.path"
    assert [event.message for event in events if isinstance(event, Warned)] == [
        f"{said}{files}/torch.py: 'import torch' finds an installed package instead; rename it",
        f"{said}{files}/table.json: a file that it names",
        f"{said}{files}/more/hidden_one.py: {reason}",
        f"{said}{files}/more/hidden_two.py: {reason}",
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"blocks.py": b"x = '\xe9'\n"}, "cannot be read as Python: "),
        ({"blocks.py": b"# coding: nonsense\n"}, "cannot be read as Python: unknown encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(files, message, folder):
    place = folder({"Net.py": "import blocks\n"} | files)
    for call in ("code", "load"):
        with pytest.raises(PluginError) as raised:
            getattr(entry_of_file(place / "Net.py"), call)()
        assert str(raised.value).startswith(f"{place / 'blocks.py'} {message}")


def test_a_recorded_text_with_a_new_neighbour_is_recorded_with_both(folder, tmp_path):
    files = folder({"Net.py": "from one import value\n", "one.py": "value = 1\n"})
    text = complete(files / "Net.py")
    more = folder({"more/Net.py": text + "from two import other\n", "more/two.py": "other = 2\n"})
    both = complete(more / "more" / "Net.py")
    ast.parse(both)
    assert values(tmp_path / "alone", both, "value", "other") == [1, 2]


def test_user_folders_are_searched_but_not_installed_packages(folder, monkeypatch, tmp_path):
    files = folder({
        "Net.py": "import mine_a, theirs_b\n",
        "mine/mine_a.py": "",
        "site/theirs_b.py": "",
        "site/theirs-1.0.dist-info/METADATA": "",
    })  # fmt: skip
    path = (str(files / "mine"), str(files / "site"), *sys.path)
    monkeypatch.setattr("lemur_core.sources.namespace._INITIAL_PATH", path)
    assert [*split_modules(complete(files / "Net.py")).modules][1:] == [
        f"{next(iter(split_modules(complete(files / 'Net.py')).modules))}.mine_a"
    ]


def test_reading_a_net_does_not_change_the_search_path(folder):
    before = list(sys.path)
    files = folder({"Net.py": "import one\n", "one.py": "x = 1\n"})
    assert entry_of_file(files / "Net.py").load().one.x == 1
    assert sys.path == before
