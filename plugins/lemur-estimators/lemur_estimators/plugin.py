"""What lemur-estimators registers. Nothing here imports numpy."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_estimators() -> list[Entry]:
    return [
        Entry(name, f"lemur_estimators.{target}", summary=summary)
        for name, target, summary in (
            ("consensus", "consensus:Consensus", "Many models of curves, weighed by evidence"),
            ("peng4nn", "peng4nn:PEng4NN", "A curve fitted to the first scores has settled"),
            ("patience", "rules:Patience", "The score has not risen for some epochs"),
            ("menndl", "rules:Menndl", "The training loss has not fallen for ten epochs"),
            ("median", "pruners:Median", "Below the median of earlier trials"),
            ("halving", "pruners:Halving", "Asynchronous successive halving"),
            ("hyperband", "pruners:Hyperband", "Successive halving in several brackets"),
            ("wilcoxon", "pruners:Wilcoxon", "Below the best trial, by the signed-rank test"),
        )
    ]


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Judge estimators by recorded learning curves."
    return [Entry("estimate", "lemur_estimators.cli:estimate", summary=summary)]
