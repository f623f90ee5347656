"""A transform that is random in evaluation mode."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_transforms():
    return [
        Entry(
            "bad",
            "lemur_bad.things.transforms:RandomInEval",
            ("img-classification",),
            "Bad",
            random=True,
        )
    ]
