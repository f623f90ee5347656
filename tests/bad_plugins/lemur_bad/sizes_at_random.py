"""A loader whose images have other sizes each time that they are asked for."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_loaders():
    loaders = "lemur_bad.things.loaders"
    sizes = f"{loaders}:random_sizes"
    return [
        Entry("bad", f"{loaders}:good", ("img-classification",), "Bad", image_sizes=sizes),
    ]
