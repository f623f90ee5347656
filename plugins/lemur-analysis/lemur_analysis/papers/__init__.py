"""Claims of published papers, checked again: ``lemur reproduce-paper NAME``.

`lemur_analysis.papers.paper` says how a paper is registered.
"""
