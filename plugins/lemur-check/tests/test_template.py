"""Checking a source without running it."""

import pytest

from lemur_check.reach import reaches
from lemur_check.template import TemplateError, check_template, parse

MODULE = "import torch.nn as nn\nfrom lemur_core.kinds.net import Classifier\n"
SAYS = "def supported_hyperparameters():\n    return {'lr'}\n"


def said(code):
    try:
        check_template(parse(code))
    except TemplateError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "code",
    [
        f"{MODULE}{SAYS}class Net(Classifier):\n    pass\n",
        f"{MODULE}{SAYS}Net = type('Net', (Classifier,), {{}})\n",
        f"from nets import Other as Net\n{SAYS}",
        f"from nets import *\n{SAYS}",
        f"{MODULE}class Net(Classifier):\n    pass\nsupported_hyperparameters = lambda: set()\n",
        f"{SAYS}try:\n    class Net(Unknown):\n        pass\nexcept ImportError:\n    pass\n",
        f"{MODULE}{SAYS}class Net(nn.Module):\n"
        "    def __init__(self, *shapes): pass\n"
        "    def train_setup(self, prm, more=1): pass\n"
        "    def learn(self, data): pass\n"
        "    def forward(self, x): pass\n",
        f"{MODULE}{SAYS}class Base(nn.Module):\n"
        "    def __init__(self, a, b, c, d): pass\n"
        "    def train_setup(self, prm): pass\n"
        "    def learn(self, data): pass\n"
        "class Net(Base):\n    def forward(self, x): pass\n",
    ],
)
def test_the_template_allows_many_ways_to_write_a_net(code):
    assert said(code) is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Net:\n  def", "line 2: is not Python: invalid syntax"),
        ("x = '", "line 1: is not Python: unterminated string literal"),
        ("x\0", "is not Python: source code string cannot contain null bytes"),
        ("x = '\ud800'", "is not Python"),
        ("(" * 100_000, "line 1: is not Python: too many nested parentheses"),
        ("x = 1\n" * 200_000, "has 1,200,000 characters; expected 1,000,000 at most"),
        ("", "has no class Net"),
        ("class Net:\n    pass\n", "has no function supported_hyperparameters()"),
        (f"def Net(): pass\n{SAYS}", "line 1: Net is a function; expected a class"),
        (
            "class Net: pass\ndef supported_hyperparameters(prm): pass\n",
            "line 2: supported_hyperparameters takes (prm); expected ()",
        ),
        (
            f"{SAYS}class Net:\n    def __init__(self, in_shape, prm): pass\n",
            "line 4: Net.__init__ takes (self, in_shape, prm); "
            "expected (self, in_shape, out_shape, prm, device)",
        ),
        (
            f"{SAYS}class Net(nn.Module):\n    def __init__(self, a, b, c, d, *, e): pass\n",
            "line 4: Net.__init__ takes (self, a, b, c, d, *, e)",
        ),
        (
            f"{SAYS}class Net(nn.Module):\n    def __init__(self, *a): pass\n",
            "line 3: Net has no method train_setup(prm)",
        ),
        (
            f"{SAYS}class Net:\n    def __init__(self, *a): pass\n"
            "    def train_setup(self, p): pass\n    def learn(self, d): pass\n",
            "line 3: Net is not a torch.nn.Module",
        ),
        (
            f"{SAYS}class Net(nn.Module):\n    def __init__(self, *a): pass\n"
            "    def train_setup(self, p): pass\n    def learn(self, d): pass\n",
            "line 3: Net has no method forward(x)",
        ),
    ],
)
def test_faults_are_reported_with_their_line(code, message):
    assert said(code).startswith(message)


def test_the_plugins_nets_follow_the_template_without_findings():
    from lemur_core import installed

    # The nets of twins are trained by what lemur-twins has for each framework.
    nets = [net for name, net in installed().entries("net") if not name.startswith("twins/")]
    assert len(nets) >= 42
    for net in nets:
        tree = parse(net.source())
        check_template(tree)
        assert reaches(tree) == [], net.name


def test_unneeded_constructs_are_reported_with_their_line():
    code = (
        "import os, torch\nfrom subprocess import run\nfrom . import near\n"
        "eval('1')\ntorch.load('x')\ntorch.hub.load('y')\nx.__globals__\nnn.Linear(1, 2)\n"
    )
    assert reaches(parse(code)) == [
        (1, "imports os"), (2, "imports subprocess"), (3, "imports ."), (4, "calls eval()"),
        (5, "calls torch.load()"), (6, "uses .hub"), (7, "uses .__globals__"),
    ]  # fmt: skip
