"""Statistics of many rows, compared with plain pandas code that gives the same results.

    python benchmarks/summaries.py STAT.zip [--rows 1000000] [--rounds 3]

The archive's records are repeated under different names of nets, up to the number of rows. Both
programs run in turns in one process. Times are those of the fastest round, because other load can
only add to them. The results of both must be equal.
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from lemur_analysis import stats

BY = ["task", "dataset", "metric", "nn", "epoch"]
FUNCTIONS = ("mean", "std", "min", "median", "max")


def records(archive: Path) -> pd.DataFrame:
    rows = []
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.endswith(".json"):
                pipeline, epoch = name.split("/")[-2:]
                location = dict(zip(BY, (*pipeline.split("_", 3), int(epoch[:-5])), strict=True))
                for record in json.loads(opened.read(name)):
                    record.pop("uid", None)
                    scores = {key: record.pop(key, None) for key in ("accuracy", "duration")}
                    rows.append({**location, **scores, "prm": record})
    return pd.DataFrame(rows)


def repeat(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    copies = -(-rows // len(frame))
    parts = [frame.assign(nn=frame["nn"] + f"-{copy}") for copy in range(copies)]
    return pd.concat(parts, ignore_index=True).head(rows)


def plain_summary(frame: pd.DataFrame) -> pd.DataFrame:
    seconds = frame["duration"].astype("float64") / 1e9
    groups = frame.assign(seconds=seconds).groupby(BY)[["accuracy", "seconds"]]
    quartiles = groups.quantile([0.25, 0.75]).unstack()
    return groups.agg(["count", *FUNCTIONS]).join(quartiles)


def plain_correlation(frame: pd.DataFrame) -> pd.Series:
    table = frame.groupby(BY)["accuracy"].agg(["count", "mean", "std"])
    table = table[table["count"] > 1]
    return table.groupby("metric").apply(lambda part: part["mean"].corr(part["std"]))


def same_summary(ours: pd.DataFrame, plain: pd.DataFrame) -> bool:
    ours = ours.set_index(BY)
    pairs = {name: name for name in ("count", *FUNCTIONS)} | {"q25": 0.25, "q75": 0.75}
    return all(
        np.allclose(ours[f"{value}_{name}"], plain[value, other], equal_nan=True)
        for value in ("accuracy", "seconds")
        for name, other in pairs.items()
    )


def same_correlation(ours: pd.DataFrame, plain: pd.Series) -> bool:
    return np.allclose(ours.set_index("metric")["r"], plain)


CASES = {
    "summary": (stats.summary, plain_summary, same_summary),
    "mean_std_correlation": (stats.mean_std_correlation, plain_correlation, same_correlation),
    "anomalies": (stats.anomalies, None, None),
}


def time_call(call, frame):
    started = time.perf_counter()
    result = call(frame)
    return time.perf_counter() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    frame = repeat(records(options.archive), options.rows)
    print(f"{len(frame):,} rows")
    for name, (ours, plain, same) in CASES.items():
        times, plain_times = [], []
        for _ in range(options.rounds):
            seconds, result = time_call(ours, frame)
            times.append(seconds)
            if plain is not None:
                seconds, expected = time_call(plain, frame)
                plain_times.append(seconds)
        line = f"{name:<22}{min(times):6.2f} s"
        if plain is not None:
            equal = "equal" if same(result, expected) else "NOT EQUAL"
            line += f"   pandas {min(plain_times):6.2f} s   {equal}"
        print(line)


if __name__ == "__main__":
    main()
