"""Pairs of trainings with the same hyperparameters: how much do their scores differ, and why?

    import pandas as pd
    from lemur_analysis import pairs

    table = pd.read_csv("vgg16.csv")  # of CrossedWires
    pairs.summary(table)
    pairs.bottom(table)
    pairs.pair_densities(table)
    pairs.summary(pairs.of_collections(db="lemur.db"))

All functions take a frame with one row per pair, which has hyperparameters and two columns of
scores; see `read_pairs`. `of_collections` reads such a frame from the collections of a database.
Statistics return DataFrames, figures return matplotlib axes.
"""

from lemur_analysis.pairs.collections import of_collections, of_rows
from lemur_analysis.pairs.dependence import model_quality, partial_dependence
from lemur_analysis.pairs.figures import (
    pair_densities,
    pair_dependence,
    pair_grid,
    pair_information,
    pair_space,
)
from lemur_analysis.pairs.information import mutual_information
from lemur_analysis.pairs.summary import bottom, extremes, shares, summary, top
from lemur_analysis.pairs.table import Pairs, read_pairs

__all__ = [
    "Pairs",
    "bottom",
    "extremes",
    "model_quality",
    "mutual_information",
    "of_collections",
    "of_rows",
    "pair_densities",
    "pair_dependence",
    "pair_grid",
    "pair_information",
    "pair_space",
    "partial_dependence",
    "read_pairs",
    "shares",
    "summary",
    "top",
]
