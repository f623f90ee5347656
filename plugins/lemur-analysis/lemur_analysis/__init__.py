"""Statistics, figures and reports of results.

Everything works on a pandas DataFrame: what `lemur_core.data` returns, or a table of your own with
columns of the same names.

- `lemur_analysis.plot`: figures, functions of a frame that return matplotlib axes.
- `lemur_analysis.stats`: statistics, functions of a frame that return DataFrames.
- `lemur_analysis.representativeness`: does a net's rank on one data set predict its rank on others?
"""
