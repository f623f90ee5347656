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
        ),
        Kind(
            "paper",
            "lemur_register_papers",
            "lemur_analysis.papers.paper",
            "Claims of a published paper, to be checked again",
            rules="lemur_analysis.papers.rules:PaperRules",
        ),
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
        Entry(name, f"lemur_analysis.pairs.figures:{name.replace('-', '_')}", summary=summary)
        for name, summary in (
            ("pair-densities", "Densities of both scores of pairs and of their difference"),
            ("pair-grid", "Differences within pairs by each two hyperparameters"),
            ("pair-space", "Differences within pairs by three hyperparameters, in perspective"),
            ("pair-information", "Mutual information of hyperparameters and the difference"),
            ("pair-dependence", "Difference within pairs as a model predicts it"),
        )
    ]


@hookimpl
def lemur_register_importers():
    return [
        Entry(
            "crossedwires",
            "lemur_analysis.importers.crossedwires",
            summary="CrossedWires' table of pairs, PyTorch and TensorFlow",
        )
    ]


@hookimpl
def lemur_register_papers():
    return [
        Entry(
            "crossedwires",
            "lemur_analysis.papers.crossedwires:claims",
            summary="Zvyagin et al. 2021: the same nets in PyTorch and TensorFlow",
        ),
        Entry(
            "lemur",
            "lemur_analysis.papers.lemur:claims",
            summary="Goodarzi et al. 2025: LEMUR Neural Network Dataset",
        ),
    ]


@hookimpl
def lemur_register_commands():
    return [
        Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results."),
        Entry(
            "reproduce-paper",
            "lemur_analysis.cli.reproduce:reproduce_paper",
            summary="Check a paper's claims again.",
        ),
    ]
