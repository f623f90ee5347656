from pathlib import Path

import pytest


@pytest.fixture
def any_checksum(monkeypatch):
    """Let torchvision read files that are smaller than the published ones."""
    from torchvision.datasets import cifar, places365, svhn

    for module in (cifar, places365, svhn):
        monkeypatch.setattr(module, "check_integrity", lambda path, md5=None: Path(path).is_file())
