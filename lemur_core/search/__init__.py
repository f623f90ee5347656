"""A campaign: pipelines, their studies, their trials.

Settings and plans are read without torch; `lemur_core.search.campaign` brings it in.
"""
