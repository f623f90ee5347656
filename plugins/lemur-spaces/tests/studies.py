"""A study of three nets on two datasets, and its training."""

import re
from pathlib import Path

from click.testing import CliRunner

from lemur_spaces.cli.group import spaces
from lemur_spaces.study.file import read_study
from lemur_spaces.study.prepare import prepare
from lemur_spaces.study.run import run_study

FILE = """
[population]
space = "AnyNetX"
count = 3
band = "20e3..90e3"
px = 8
channels = 1
classes = 10

[training]
epochs = 2
lr = 0.05
batch = 16

[[dataset]]
name = "digits[samples=60,test=40]"
px = 8

[[dataset]]
name = "digits[classes=5,samples=60,test=40]"
px = 8
epochs = 1
"""
ONE_DATASET = FILE.partition('[[dataset]]\nname = "digits[classes')[0]
FIRST = (
    "digits[samples=60,test=40] px=8 epochs=2 error=top-1 transform=norm_8 batch=16 lr=0.05 "
    "momentum=0.9"
)


def study(text=FILE):
    Path("small.toml").write_text(text)
    return read_study(Path("small.toml"))


def trained(given, **settings):
    lines = []
    prepared = prepare(given, "lemur.db", Path("data"), lines.append)
    return run_study(prepared, lines.append, in_process=True, threads=1, **settings), lines


def command_line(*arguments):
    return CliRunner().invoke(spaces, [*arguments], catch_exceptions=False)


def counts_of(plan):
    """Return the numbers of finished trainings and of those that are left, of each condition."""
    return re.findall(r" norm_8 +(\d+) +(\d+) ", plan)
