"""Run the commands that the benchmarks of whole campaigns measure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def lemur(net: str, epochs: int) -> list[str]:
    """Return the command that trains a net of this folder on the digits; it ends with ``--set``."""
    return [
        str(Path(sys.executable).with_name("lemur")), "run", "img-classification_digits_acc",
        "--net", str(HERE / "nets" / f"{net}.py"), "--transform", "norm_32", "--trials", "1",
        "--epochs", str(epochs), "--threads", "1", "--device", "cpu", "--set=lr=0.001",
        "--set=momentum=0.9", "--set=batch=32",
    ]  # fmt: skip


def run(command: list[str], folder: str) -> None:
    """Run a command in a folder; exit if it fails."""
    # Otherwise, each command would compile all modules.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}: {process.stderr[-2000:]}")
