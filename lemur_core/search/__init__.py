"""Search over the hyperparameters of one pipeline: its study, its trials and their predictions.

`lemur_core.search.study_run` is the entry point; `lemur_core.campaign` runs several studies.
"""
