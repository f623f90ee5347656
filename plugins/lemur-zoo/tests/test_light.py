"""What lists and shows zoos, or is asked what it recognises, imports no torch."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "import lemur_zoo.plugin",
        "import lemur_zoo.records; lemur_zoo.records.recognises(__import__('pathlib').Path('.'))",
        "from lemur_zoo.cli.group import zoo; zoo(['list'], standalone_mode=False)",
        "from lemur_zoo.cli.group import zoo; zoo(['show', {small!r}], standalone_mode=False)",
    ],
)
def test_torch_is_not_imported(small, code):
    text = f"{code.format(small=str(small))}; import sys; sys.exit('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
