"""Schürholt et al. (2022): the tables of Model Zoos, from zoos of your own.

- `lemur_zoo.paper.claims`: the claims, which ``lemur reproduce-paper model-zoos`` checks.
- `lemur_zoo.paper.published`: the published values of tables 2 and 3.
- `lemur_zoo.paper.own_zoos`: your zoos that have the names of published ones.
"""
