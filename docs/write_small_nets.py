"""Write the tables and figures of ``docs/small_nets.md`` from the errors in its folder.

lemur spaces report small-nets.toml --csv small-nets.csv
python docs/write_small_nets.py --study small-nets.csv
python docs/write_small_nets.py

The first form replaces the errors by those of a study. The text of the page is not changed: tables
are written between the comments that name them, figures into ``docs/small_nets/``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import pandas as pd
from page_tables import interval_text, with_table, write_figure

from lemur_analysis import representativeness as rep

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "small_nets.md"
FOLDER = PAGE.with_suffix("")
ERRORS, DESIGNS = FOLDER / "errors.csv", FOLDER / "designs.csv"
REFERENCE = "cifar-10"
# The names on the page, by the dataset of the study and its size of images.
NAMES = {
    ("folder[samples=2000,test=1000]", 32): REFERENCE,
    ("folder[samples=2000,test=1000]", 24): "cifar-10 px=24",
    ("folder[samples=1000,test=1000]", 32): "cifar-10[samples=1000]",
    ("folder[classes=5,samples=2000,test=1000]", 32): "cifar-10[classes=5]",
    ("folder[classes=2,samples=1000,test=1000]", 32): "cifar-10[classes=2,samples=1000]",
    ("mnist[samples=1500,test=1000]", 28): "mnist",
    ("digits", 16): "digits",
}
COMPLEXITIES = ("depth", "width", "parameters", "macs", "activations")


def main() -> None:
    """Write the page's tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--study", type=Path, help="errors of a study, in a CSV file")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    if arguments.study:
        write_errors(pd.read_csv(arguments.study))
    runs = pd.read_csv(ERRORS).merge(pd.read_csv(DESIGNS), on="net")
    population = runs.drop_duplicates(["net", "dataset"], ignore_index=True)
    page = PAGE.read_text()
    for name, table in tables(population, runs):
        page = with_table(page, name, table)
    PAGE.write_text(page)
    write_figures(population, runs)


def write_errors(study: pd.DataFrame) -> None:
    """Write the errors and the designs of a study, with the page's names of the datasets."""
    edges = study["settings"].str.extract(r"\bpx=(\d+)", expand=False).astype(int)
    keys = zip(study["dataset"].str.partition(" ")[0], edges, strict=True)
    study = study.assign(dataset=[NAMES[key] for key in keys])
    # The first training of each net comes first; the control for noise has it too.
    study = study.sort_values("control", key=lambda column: column.notna(), kind="stable")
    study = study.drop_duplicates(["net", "dataset", "run"])
    study["run"] = study.groupby(["net", "dataset"]).cumcount() + 1
    study = study.sort_values(["dataset", "net", "run"])
    study[["dataset", "net", "run", "error", "selection"]].round(6).to_csv(ERRORS, index=False)
    first = study.columns.get_loc("settings") + 1
    designs = study[["net", *study.columns[first:]]].drop_duplicates().sort_values("net")
    designs.to_csv(DESIGNS, index=False)


def tables(population: pd.DataFrame, runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and contents of each table of the page."""
    yield "errors", errors(population, runs)
    yield "agreement", agreement(population)
    yield "ceilings", ceilings(population, runs)
    yield "versions", versions(population)
    yield "complexity", complexity(population)


def errors(population: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the quartiles of the errors, and how reliably they rank the nets."""
    table = population.groupby("dataset")["error"].describe()[["25%", "50%", "75%"]]
    alone = rep.single_run_reliability(runs).set_index("dataset")
    return pd.DataFrame(
        {
            "median error": table["50%"].map("{:.3f}".format),
            "quartiles": [f"{row['25%']:.3f} to {row['75%']:.3f}" for _, row in table.iterrows()],
            "spread of the nets": alone["spread"].map("{:.3f}".format),
            "noise of training": alone["noise"].map("{:.3f}".format),
            "reliability": alone.apply(interval_text, axis=1, args=("reliability",)),
        }
    )


def agreement(population: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlations of all pairs, below the diagonal."""
    pairs = rep.rank_correlations(population)
    pairs["text"] = pairs.apply(interval_text, axis=1, args=("correlation",))
    table = pairs.pivot(index="other", columns="dataset", values="text")
    return table.rename_axis(None, axis="columns").fillna("")


def ceilings(population: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the correlations with the reference beside their noise ceilings."""
    pairs = rep.rank_correlations(population, reference=REFERENCE).set_index("other")
    most = rep.single_run_ceilings(runs, reference=REFERENCE).set_index("other")
    table = pd.DataFrame(
        {
            f"correlation with {REFERENCE}": pairs.apply(
                interval_text, axis=1, args=("correlation",)
            ),
            "noise ceiling": most.apply(interval_text, axis=1, args=("ceiling",)),
            "without noise": (pairs["correlation"] / most["ceiling"]).map("{:.2f}".format),
        }
    )
    return table.loc[pairs["correlation"].sort_values(ascending=False).index]


def versions(population: pd.DataFrame) -> pd.DataFrame:
    """Return the correlations of other datasets with the reference and its versions."""
    table = rep.version_correlations(population, REFERENCE).set_index("dataset")
    names = [REFERENCE, *rep.smaller_versions(population)[REFERENCE]]
    return table[names].map("{:.2f}".format)


def complexity(population: pd.DataFrame) -> pd.DataFrame:
    """Return the correlations of the error with measures of the nets' complexity."""
    table = rep.complexity_correlations(population, columns=COMPLEXITIES)
    table["text"] = table.apply(interval_text, axis=1, args=("correlation",))
    wide = table.pivot(index="dataset", columns="complexity", values="text")
    return wide[[*COMPLEXITIES]].rename(columns={"macs": "multiply-adds"})


def write_figures(population: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Write the figures of the page."""
    transfer = rep.rank_transfer(population, reference=REFERENCE, repeats=runs)
    figures = {
        "transfer": transfer,
        "agreement": rep.rank_agreement(population),
        "scatter": rep.error_scatter(population, reference=REFERENCE),
        "complexity": rep.complexity_correlation(population),
        "ecdf": rep.error_ecdf(population),
        "noise": rep.noise_of_training(runs, least=2),
        "best": rep.best_configuration(population),
    }
    for name, axes in figures.items():
        write_figure(axes, FOLDER / f"{name}.svg")


if __name__ == "__main__":
    matplotlib.use("agg")
    main()
