"""Reports: workbooks, pages and documents of any results, as exporters of lemur.

- `lemur_analysis.report.excel`: workbooks, aggregated and raw.
- `lemur_analysis.report.html`: one page that opens offline.
- `lemur_analysis.report.pdf`: a document to print.
- `lemur_analysis.report.folder`: a folder of both workbooks and the page, each figure drawn once.

All have the same contents (`lemur_analysis.report.contents`), with every figure that is installed
and has something to draw (`lemur_analysis.report.drawings`).
"""
