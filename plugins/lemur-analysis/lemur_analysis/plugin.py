"""What lemur-analysis registers. Nothing here imports pandas or matplotlib."""

from lemur_core import Entry, Kind, hookimpl


@hookimpl
def lemur_register_kinds():
    return [
        Kind(
            "figure",
            "lemur_register_figures",
            "lemur_analysis.plot.figure",
            "A figure of results",
            details="lemur_analysis.plot.figure:details",
        )
    ]


@hookimpl
def lemur_register_figures():
    return [
        Entry(name, f"lemur_analysis.plot.{target}", summary=summary)
        for name, target, summary in (
            (
                "rolling-mean",
                "rolling:rolling_mean",
                "Score of each net by epoch, averaged over a window of epochs",
            ),
        )
    ] + [
        Entry(name, f"lemur_analysis.representativeness.agreement:{target}", summary=summary)
        for name, target, summary in (
            (
                "error-scatter",
                "error_scatter",
                "Errors on each data set against those on one, a point per net",
            ),
            ("rank-agreement", "rank_agreement", "Rank correlations between data sets, a matrix"),
            (
                "rank-transfer",
                "rank_transfer",
                "Rank correlations of one data set with the others, beside their noise ceilings",
            ),
            (
                "scatter-matrix",
                "scatter_matrix",
                "Errors on all pairs of data sets, a point per net",
            ),
        )
    ]


@hookimpl
def lemur_register_commands():
    return [Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results.")]
