"""Frameworks are extras: imported when used, one in a process, and named when they are missing."""

import subprocess
import sys

import pytest

from lemur_core.errors import UnknownNameError
from lemur_twins import frameworks
from lemur_twins.frameworks import FRAMEWORKS, FrameworkInUseError, MissingFrameworkError, use


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_listing_imports_no_framework():
    code = (
        "import sys; from lemur_core import installed; r = installed(); "
        "[e.about() for _, e in r.entries('net')]; "
        "[r.get('twin', n).load() for n in ('MLP', 'VGG16-library')]; "
        "print(*{'torch', 'jax', 'flax', 'keras', 'tensorflow', 'numpy'} & {*sys.modules})"
    )
    assert run(code) == "\n"


def test_tensorflow_is_imported_after_what_it_would_abort_and_draws_nothing():
    if missing := FRAMEWORKS["tensorflow"].missing():
        pytest.skip(f"{missing} is not installed")
    code = (
        "import random, numpy, torch; from lemur_twins.frameworks import use; "
        "random.seed(5); numpy.random.seed(5); torch.manual_seed(5); "
        "draw = lambda: (random.random(), numpy.random.rand(), float(torch.rand(1))); "
        "expected = draw(); random.seed(5); numpy.random.seed(5); torch.manual_seed(5); "
        "use('tensorflow'); import keras; assert draw() == expected; "
        # The optimizer imports triton, which ends a process that imported TensorFlow first.
        "torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step(); "
        "print(keras.backend.backend())"
    )
    assert run(code) == "tensorflow\n"


def test_missing_framework_names_the_extra(monkeypatch):
    monkeypatch.setattr(frameworks, "find_spec", lambda module: None if module == "flax" else 1)
    with pytest.raises(MissingFrameworkError) as caught:
        use("jax")
    assert str(caught.value) == (
        "framework 'jax' needs the module flax, which is not installed: "
        "pip install 'lemur-twins[jax]'"
    )


def test_a_process_uses_one_framework(monkeypatch):
    monkeypatch.setattr(frameworks, "_used", ["jax"])
    monkeypatch.setattr(frameworks, "find_spec", lambda module: module)
    with pytest.raises(FrameworkInUseError) as caught:
        use("tensorflow")
    assert str(caught.value) == (
        "framework 'tensorflow': this process already uses 'jax'; use one framework beside "
        "PyTorch in a process"
    )
    assert use("pytorch").title == "PyTorch"


def test_unknown_framework_is_named_with_those_near_it():
    with pytest.raises(UnknownNameError, match="unknown framework 'tensorfow'. Did you mean"):
        use("tensorfow")


def test_extras_install_what_frameworks_need():
    from importlib.metadata import metadata

    extras = metadata("lemur-twins").get_all("Provides-Extra")
    for framework in FRAMEWORKS.values():
        assert {*filter(None, framework.extra.split(","))} <= {*extras}
