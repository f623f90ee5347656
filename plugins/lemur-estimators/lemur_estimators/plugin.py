"""The entries of lemur-estimators. This module does not import numpy."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators() -> list[Entry]:
    return [
        Entry(name, f"lemur_estimators.{target}", summary=summary)
        for name, target, summary in (
            ("consensus", "consensus:Consensus", "Many curve models, weighted by evidence"),
            ("peng4nn", "peng4nn:PEng4NN", "Stop when the predictions of a fitted curve converge"),
            ("patience", "rules:Patience", "Stop when the score stops rising"),
            ("menndl", "rules:Menndl", "Stop when the training loss stops falling"),
            ("median", "pruners:Median", "Stop below the median of earlier trials"),
            ("halving", "pruners:Halving", "Asynchronous successive halving"),
            ("hyperband", "pruners:Hyperband", "Successive halving in several brackets"),
            ("wilcoxon", "pruners:Wilcoxon", "Stop significantly below the best trial"),
        )
    ]


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Evaluate estimators on recorded learning curves."
    return [Entry("estimate", "lemur_estimators.cli:estimate", summary=summary)]
