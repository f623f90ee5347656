"""The report of a study: is a net that is good on one dataset good on the others?

- `lemur_spaces.report.contents`: the tables and figures, by lemur-analysis.
- `lemur_spaces.report.page`: the page.
"""
