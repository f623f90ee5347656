"""Train every net for one epoch, and print its size and cost as a Markdown table.

    python benchmarks/census.py [--dataset NAME] [--nets '*'] [--threads 1] [--readme FILE]

Each net is trained by a separate ``lemur run``, at its minimum size. Parameters and multiply-adds
are those for one image of that size; memory is the peak of the command's processes. If a trial does
not finish, the census ends with the command's error output. ``--readme`` writes the table into a
file, between the lines ``<!-- census -->`` and ``<!-- /census -->``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core import data
from lemur_core.composition import compose
from lemur_core.pattern import Pattern
from lemur_core.registry import installed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lemur_core.pipeline import Pipeline

LEMUR = str(Path(sys.executable).with_name("lemur"))
COLUMNS = (
    "net", "", "px", "parameters", "multiply-adds, millions", "seconds", "accuracy", "peak MiB",
)  # fmt: skip


def transform_of(pipeline: Pipeline) -> str:
    """Return the smallest of the transforms that fit and only normalise."""
    names = [name for name in pipeline.transforms if re.fullmatch(r"(norm|complex)_\d+", name)]
    return min(names, key=lambda name: pipeline.transforms[name].size or 0)


def peak_mib(command: list[str], folder: str) -> float:
    """Run a command to its end, and return its peak memory in MiB."""
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{' '.join(command)}\n{process.stderr.read().decode()}")
    process.stderr.close()
    return usage.ru_maxrss / 1024


def row(pipeline: Pipeline, threads: int) -> str:
    transform = transform_of(pipeline)
    px = pipeline.transforms[transform].size
    size = subprocess.run(
        [LEMUR, "show", "net", pipeline.net, "--size", f"--shape=1x{px}x{px}", "--no-source"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    parameters, adds = (
        re.search(rf"{what}\s+([\d,]*\d)", size)[1] for what in ("parameters", "multiply-adds")
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [LEMUR, "run", pipeline.name, "-t", "1", "-e", "1", "-f", transform]
        peak = peak_mib([*command, f"--threads={threads}", "--no-checkpoint"], folder)
        [epoch] = data(db=Path(folder) / "lemur.db").itertuples()
    millions = int(adds.replace(",", "")) / 1e6
    return cells(
        (
            f"`{pipeline.net}`", pipeline.net_entry.about().removesuffix("."), px, parameters,
            f"{millions:,.1f}", f"{epoch.duration / 1e9:.1f}", f"{epoch.accuracy:.3f}",
            f"{peak:,.0f}",
        )
    )  # fmt: skip


def cells(values: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, values))} |"


def put_into(readme: Path, table: str) -> None:
    text = readme.read_text()
    new = re.sub(
        "(?<=<!-- census -->\n).*(?=<!-- /census -->)", table + "\n", text, flags=re.DOTALL
    )
    readme.write_text(new)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", default="digits[samples=600]")
    parser.add_argument("--nets", default="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--readme", type=Path)
    options = parser.parse_args()
    pattern = Pattern.parse(f"img-classification_{options.dataset}_acc_{options.nets}")
    pipelines = compose(installed(), [pattern], ["norm_*", "complex_*"])
    lines = [cells(COLUMNS), cells("---" for _ in COLUMNS)]
    print("\n".join(lines))
    for pipeline in sorted(pipelines, key=lambda pipeline: pipeline.net.lower()):
        lines.append(row(pipeline, options.threads))
        print(lines[-1], flush=True)
    if options.readme:
        put_into(options.readme, "\n".join(lines))


if __name__ == "__main__":
    main()
