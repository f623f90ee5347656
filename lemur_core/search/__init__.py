"""Search over the hyperparameters of one pipeline: its study, its trials and their predictions.

`lemur_core.search.study_run` is the entry point; `lemur_core.campaign` runs several studies. A
study consists of the parts of `lemur_core.search.open_study`: which trials are its own (``scope``),
those in the database (``recorded_trials``), those that are resumed (``resumption``), and those that
are started (``proposals``).
"""
