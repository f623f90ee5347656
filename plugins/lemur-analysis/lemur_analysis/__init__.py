"""Statistics, figures and reports of results.

All functions work on a pandas DataFrame: the one that `lemur_core.data` returns, or your own table
with the same column names.

- `lemur_analysis.plot`: functions that draw a DataFrame and return matplotlib axes.
- `lemur_analysis.stats`: functions that compute statistics and return DataFrames.
- `lemur_analysis.pairs`: pairs of trainings, as in CrossedWires.
- `lemur_analysis.representativeness`: does a net's rank on one dataset predict its rank on others?
- `lemur_analysis.report.population`: a page with the answer, for any population of nets.

Other plugins may use these modules, and the interfaces of what they can register,
`lemur_analysis.plot.figure` and `lemur_analysis.papers.paper`.
"""
