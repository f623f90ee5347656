"""Exporters that write reports of any results: workbooks, HTML pages and PDF documents.

- `lemur_analysis.report.excel`: workbooks of statistics, and of all records.
- `lemur_analysis.report.html`: a self-contained page that works offline.
- `lemur_analysis.report.pdf`: a document to print.
- `lemur_analysis.report.folder`: a folder with both workbooks and the page, drawing figures once.
- `lemur_analysis.report.population`: a page about a population of nets, from any frame; its
  sections are in `lemur_analysis.report.population_contents`.

All others have the same contents (`lemur_analysis.report.contents`) and include every installed
figure that can be drawn from the results (`lemur_analysis.report.drawings`).
"""
