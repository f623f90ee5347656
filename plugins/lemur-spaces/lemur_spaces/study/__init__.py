"""Studies: a population of a design space, trained on several datasets.

- `lemur_spaces.study.spec`: a study, and the conditions under which its nets are trained.
- `lemur_spaces.study.file`: a study as its TOML file describes it.
- `lemur_spaces.study.pipelines`: the pipelines and datasets of a study.
- `lemur_spaces.study.cost`: the time that a study takes, from trainings of a few batches.
- `lemur_spaces.study.record`: a study's population and trials, as a collection of the database.
- `lemur_spaces.study.prepare`: its population drawn, and its datasets and record checked.
- `lemur_spaces.study.run`: train a study.
- `lemur_spaces.study.pretraining`: the weights from which a control starts its trainings.
- `lemur_spaces.study.training_errors`: the errors on the training split, from kept weights.
- `lemur_spaces.study.results`: the errors of a study's nets on each dataset.
"""
