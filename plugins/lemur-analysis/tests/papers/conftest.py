from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture(scope="session")
def crossedwires_folder():
    if not (FOLDER / "crossedwires").is_dir():
        pytest.skip(f"CrossedWires' tables are not in {FOLDER}")
    return FOLDER


@pytest.fixture(scope="session")
def lemur_folder():
    if not (FOLDER / "lemur" / "stat.zip").is_file():
        pytest.skip(f"LEMUR's statistics are not in {FOLDER}")
    return FOLDER
