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
    ]


@hookimpl
def lemur_register_commands():
    return [
        Entry("plot", "lemur_analysis.cli.plot:plot", summary="Draw figures of results."),
        Entry("stats", "lemur_analysis.cli.stats:stats", summary="Print statistics of results."),
        Entry("report", "lemur_analysis.cli.report:report", summary="Write a report of results."),
    ]


@hookimpl
def lemur_register_exporters():
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
