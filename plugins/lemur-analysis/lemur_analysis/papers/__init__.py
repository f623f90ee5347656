"""Claims of published papers, which ``lemur reproduce-paper NAME`` checks.

`lemur_analysis.papers.paper` describes how to register a paper.
"""
