"""The search over one pipeline's hyperparameters: its study, its trials, what is predicted of them.

`lemur_core.search.study_run` is the whole of it; `lemur_core.campaign` runs several of them.
"""
