import os

import pytest

# Tests of several processes share two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def digits():
    """Return the batches of an epoch of 56 batches of 32 digits, and all digits."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    images = (images.reshape(-1, 1, 8, 8) / 16).astype("float32")
    batches = [(images[at : at + 32], classes[at : at + 32]) for at in range(0, 56 * 32, 32)]
    return batches, (images, classes)
