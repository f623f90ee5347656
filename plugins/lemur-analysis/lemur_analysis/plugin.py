"""Registration of lemur-analysis' entries. This module imports neither pandas nor matplotlib."""

from lemur_core import Entry, Kind, hookimpl


@hookimpl
def lemur_register_kinds() -> list[Kind]:
    return [
        Kind(
            "figure",
            "lemur_register_figures",
            "lemur_analysis.plot.figure",
            "A figure of results",
            details="lemur_analysis.plot.figure:details",
            rules="lemur_analysis.testing:FigureRules",
        ),
        Kind(
            "paper",
            "lemur_register_papers",
            "lemur_analysis.papers.paper",
            "Claims of a published paper that can be checked",
            rules="lemur_analysis.papers.rules:PaperRules",
        ),
    ]


@hookimpl
def lemur_register_figures() -> list[Entry]:
    return (
        [
            Entry(name, f"lemur_analysis.plot.{target}", summary=summary)
            for name, target, summary in (
                ("score-time", "scatter:score_time", "Score against time, by net"),
                (
                    "score-time-by-task",
                    "scatter:score_time_by_task",
                    "Score against time, by dataset",
                ),
                ("score-epoch", "scatter:score_epoch", "Score against epoch, by net"),
                (
                    "score-epoch-by-task",
                    "scatter:score_epoch_by_task",
                    "Score against epoch, by dataset",
                ),
                (
                    "mean-std",
                    "bands:mean_std",
                    "Mean and standard deviation of each net's score by epoch",
                ),
                ("histogram", "histogram:histogram", "Histogram of the scores of all records"),
                ("box", "boxes:box", "Box plots of the scores at each epoch"),
                (
                    "box-by-task",
                    "boxes:box_by_task",
                    "Box plots of the scores at each epoch, the datasets of a task pooled",
                ),
                (
                    "first-epoch-duration",
                    "durations:first_epoch_duration",
                    "Duration of the first epoch, by net",
                ),
                (
                    "first-epoch-duration-by-task",
                    "durations:first_epoch_duration_by_task",
                    "Duration of the first epoch, by dataset",
                ),
                (
                    "rolling-mean",
                    "rolling:rolling_mean",
                    "Rolling mean of each net's score by epoch",
                ),
                (
                    "lines-time",
                    "lines:lines_time",
                    "Score against time, with a line per trial or net",
                ),
                (
                    "mean-std-correlation",
                    "spread:mean_std_correlation",
                    "Correlation of the mean and standard deviation of scores",
                ),
                (
                    "learning-curves",
                    "bands:learning_curves",
                    "Median and quartiles of each net's score by epoch, or a line per trial",
                ),
                ("pareto", "fronts:pareto", "Score against time, parameters or another cost"),
                (
                    "critical-difference",
                    "ranks:critical_difference",
                    "Average ranks of nets over datasets, and which do not differ significantly",
                ),
                (
                    "intervals",
                    "estimates:intervals",
                    "Estimates of each net's score with intervals",
                ),
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
                (
                    "importance",
                    "hyperparameters:importance",
                    "Importance of a net's hyperparameters",
                ),
                (
                    "calibration",
                    "predictions:calibration",
                    "Predicted against measured final scores",
                ),
            )
        ]
        + [
            Entry(name, f"lemur_analysis.pairs.figures:{name.replace('-', '_')}", summary=summary)
            for name, summary in (
                ("pair-densities", "Densities of the two scores of pairs and of their difference"),
                ("pair-grid", "Differences within pairs against every two hyperparameters"),
                ("pair-space", "Differences within pairs against three hyperparameters, in 3D"),
                (
                    "pair-information",
                    "Mutual information of hyperparameters and differences",
                ),
                ("pair-dependence", "Differences within pairs, as predicted by a model"),
            )
        ]
        + [
            Entry(name, f"lemur_analysis.representativeness.agreement:{target}", summary=summary)
            for name, target, summary in (
                (
                    "error-scatter",
                    "error_scatter",
                    "Errors on each dataset against those on a reference, with a point per net",
                ),
                (
                    "rank-agreement",
                    "rank_agreement",
                    "Matrix of rank correlations between datasets",
                ),
                (
                    "rank-transfer",
                    "rank_transfer",
                    "Rank correlations of one dataset with the others, and noise ceilings",
                ),
                (
                    "scatter-matrix",
                    "scatter_matrix",
                    "Errors on all pairs of datasets, with a point per net",
                ),
            )
        ]
    )


@hookimpl
def lemur_register_importers() -> list[Entry]:
    return [
        Entry(
            "crossedwires",
            "lemur_analysis.importers.crossedwires",
            summary="CrossedWires' table of pairs, PyTorch and TensorFlow",
        ),
        Entry(
            "nats-bench",
            "lemur_analysis.importers.nats_bench",
            summary="NATS-Bench's accuracies, exported to a CSV file",
        ),
        Entry(
            "timm",
            "lemur_analysis.importers.timm",
            summary="timm's tables of pretrained nets on ImageNet's test sets",
        ),
    ]


@hookimpl
def lemur_register_papers() -> list[Entry]:
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
def lemur_register_commands() -> list[Entry]:
    return [
        Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results."),
        Entry("stats", "lemur_analysis.cli.stats:stats", summary="Print statistics of results."),
        Entry("report", "lemur_analysis.cli.report:report", summary="Write a report of results."),
        Entry(
            "reproduce-paper",
            "lemur_analysis.cli.reproduce:reproduce_paper",
            summary="Check the claims of a paper.",
        ),
    ]


@hookimpl
def lemur_register_views() -> list[Entry]:
    return [
        Entry(name, f"lemur_analysis.cli.{name}:{name}", summary=summary)
        for name, summary in (
            ("curves", "Draw learning curves of trials: scores and loss by epoch."),
            ("scores", "Draw the score of each trial against a hyperparameter."),
            ("confusion", "Print or draw the confusion matrix of a trial."),
        )
    ]


@hookimpl
def lemur_register_exporters() -> list[Entry]:
    return [
        Entry(name, f"lemur_analysis.report.{target}", summary=summary)
        for name, target, summary in (
            ("excel", "excel:excel", "A workbook of statistics with figures"),
            ("excel-raw", "excel:excel_raw", "A workbook of all records with figures"),
            ("html", "html:html", "A page with tables and figures that opens offline"),
            ("pdf", "pdf:pdf", "A document with tables and figures to print"),
            ("report", "folder:folder", "A folder with excel, excel-raw and html"),
        )
    ]
