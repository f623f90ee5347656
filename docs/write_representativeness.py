"""Write the tables and figures of ``docs/representativeness.md`` from LEMUR's published records.

lemur db import stat.zip --db lemur.db
python docs/write_representativeness.py --db lemur.db --timm FOLDER

``FOLDER`` contains timm's files ``results-*.csv``. The text of the page is not changed: tables are
written between the comments that name them, figures into ``docs/representativeness/``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import pandas as pd
from matplotlib import pyplot as plt
from page_tables import correlation_text, interval_text, with_table, write_figure

import lemur_core
from lemur_analysis import representativeness as rep

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "representativeness.md"
FIGURES = PAGE.with_suffix("")
REFERENCE = "cifar-10"
TEST_SETS = {
    "ImageNet": "imagenet",
    "-v2": "imagenetv2-matched-frequency",
    "-A": "imagenet-a",
    "-R": "imagenet-r",
    "-sketch": "sketch",
    "real": "imagenet-real",
}


def main() -> None:
    """Read the records and write the page's tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--db", required=True, help="database with LEMUR's records")
    parser.add_argument("--timm", required=True, type=Path, help="folder with timm's result tables")
    arguments = parser.parse_args()
    results = lemur_core.data(task="img-classification", metric="acc", db=arguments.db)
    population = timm(arguments.timm)
    page = PAGE.read_text()
    for name, table in tables(results, population):
        page = with_table(page, name, table)
    PAGE.write_text(page)
    write_figures(results, population)


def tables(results: pd.DataFrame, population: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and contents of each table of the page."""
    yield (
        "epochs",
        side_by_side(
            {
                "best epoch of all": rep.from_results(results),
                "best of epochs 1 to 5": rep.from_results(results, at_epoch=5),
                "the same, trials with epoch 5 only": rep.from_results(
                    results, at_epoch=5, complete=True
                ),
                "epoch 1": rep.from_results(results, at_epoch=1),
            }
        ),
    )
    equal = side_by_side(
        {
            f"{edge} px": rep.from_results(results, at_epoch=5, resolution=edge)
            for edge in (32, 128, 299)
        }
    )
    yield (
        "resolution",
        equal.assign(matched=matched_sizes(results)).rename(
            columns={"matched": "sizes tried on both"}
        ),
    )
    yield (
        "settings",
        side_by_side(
            {
                f"best of {count}": rep.from_results(results, at_epoch=5, settings=count)
                for count in (1, 3, 5)
            }
        ),
    )
    runs = rep.runs_from_results(results, at_epoch=5)
    yield "ceiling", ceilings(runs)
    yield "timm", side_by_side({"other test sets": population}, reference="ImageNet")


def side_by_side(populations: dict[str, pd.DataFrame], reference: str = REFERENCE) -> pd.DataFrame:
    """Return the rank correlations with the reference dataset, one column per population."""
    return pd.DataFrame(
        {
            name: rep.rank_correlations(population, reference=reference)
            .set_index("other")
            .apply(correlation_text, axis=1)
            for name, population in populations.items()
        }
    ).fillna("none")


def matched_sizes(results: pd.DataFrame) -> pd.Series:
    """Return the rank correlations over the image sizes that each net has on both datasets."""
    runs = rep.runs_from_results(results, at_epoch=5).dropna(subset=["resolution"])
    reference = runs[runs["dataset"] == REFERENCE]
    texts = {}
    for name, other in runs[runs["dataset"] != REFERENCE].groupby("dataset"):
        both = [
            left.merge(right[["net", "resolution"]].drop_duplicates(), on=["net", "resolution"])
            for left, right in ((reference, other), (other, reference))
        ]
        best = rep.best_runs(pd.concat(both))
        texts[name] = correlation_text(rep.rank_correlations(best, reference=REFERENCE).iloc[0])
    return pd.Series(texts)


def ceilings(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the reliabilities of the datasets and the ceilings of their pairs as text."""
    alone = rep.noise_ceiling(runs).set_index("dataset")
    pairs = rep.pair_ceilings(runs, reference=REFERENCE).set_index("other")
    table = pd.DataFrame(
        {
            "nets with two settings": alone["nets"],
            "settings, median": alone["runs"].map("{:g}".format),
            "agreement of halves": alone["half"].map("{:.2f}".format),
            "reliability": alone.apply(interval_text, axis=1, args=("reliability",)),
            f"ceiling with {REFERENCE}": pairs.apply(interval_text, axis=1, args=("ceiling",)),
        }
    )
    return table.fillna("")


def timm(folder: Path) -> pd.DataFrame:
    """Return timm's tables as a population: each net at the largest size it was tested at."""
    parts = []
    for name, file in TEST_SETS.items():
        table = pd.read_csv(folder / f"results-{file}.csv").sort_values("img_size")
        table = table.drop_duplicates("model", keep="last")
        parts.append(
            pd.DataFrame({"net": table["model"], "dataset": name, "error": table["top1_err"]})
        )
    return pd.concat(parts, ignore_index=True)


def write_figures(results: pd.DataFrame, population: pd.DataFrame) -> None:
    """Write the figures of the page."""
    FIGURES.mkdir(exist_ok=True)
    write_figure(
        rep.rank_transfer(results, reference=REFERENCE, at_epoch=5), FIGURES / "transfer.svg"
    )
    write_figure(rep.rank_agreement(results, at_epoch=5), FIGURES / "agreement.svg")
    write_figure(
        rep.error_scatter(results, reference=REFERENCE, at_epoch=5), FIGURES / "scatter.svg"
    )
    write_figure(rep.scatter_matrix(results, at_epoch=5), FIGURES / "matrix.png")
    write_figure(rep.rank_agreement(population), FIGURES / "timm.svg")
    places = results[results["dataset"].isin([REFERENCE, "places365"])]
    _, axes = plt.subplots(1, 3, figsize=(16, 3.6), layout="constrained")
    choices = {
        "epochs 1 to 5": {},
        "trials with epoch 5": {"complete": True},
        "32 px": {"resolution": 32},
    }
    for ax, (name, choice) in zip(axes, choices.items(), strict=True):
        chosen = rep.from_results(places, at_epoch=5, **choice)
        rep.error_scatter(chosen, ax, reference=REFERENCE, extremes=5)
        ax.set_title(f"{name}\n{ax.get_title('left')}", loc="left", fontsize="medium")
    write_figure(axes, FIGURES / "places365.svg")


if __name__ == "__main__":
    matplotlib.use("agg")
    main()
