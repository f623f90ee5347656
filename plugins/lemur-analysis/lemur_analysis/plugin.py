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
            ("pareto", "fronts:pareto", "Score against time, parameters or another cost"),
            (
                "critical-difference",
                "ranks:critical_difference",
                "Average ranks of nets over data sets, and which do not differ",
            ),
            ("intervals", "estimates:intervals", "Estimates of each net's score with intervals"),
            (
                "performance-profile",
                "estimates:performance_profile",
                "Share of each net's runs above a score",
            ),
            (
                "parallel-coordinates",
                "hyperparameters:parallel_coordinates",
                "Hyperparameters of each run, coloured by its score",
            ),
            ("importance", "hyperparameters:importance", "Importance of a net's hyperparameters"),
            ("calibration", "predictions:calibration", "Predicted against measured final scores"),
        )
    ]


@hookimpl
def lemur_register_commands():
    return [
        Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results."),
        Entry("stats", "lemur_analysis.cli.stats:stats", summary="Print statistics of results."),
    ]
