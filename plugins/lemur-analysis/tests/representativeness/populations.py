"""Small populations for the tests."""

from pandas import DataFrame


def population(errors, **columns):
    """Return a population from ``{dataset: {net: error}}``, with further columns by net."""
    rows = [
        {"net": net, "dataset": dataset, "error": error}
        | {name: values[net] for name, values in columns.items()}
        for dataset, of in errors.items()
        for net, error in of.items()
    ]
    return DataFrame(rows, columns=["net", "dataset", "error", *columns])


def lists(**errors):
    """Return a population from ``dataset=[errors]`` with the nets n0, n1, ..."""
    return population(
        {name: {f"n{at}": error for at, error in enumerate(of)} for name, of in errors.items()}
    )


def results(*rows):
    """Return a frame of results from ``(nn, dataset, trial, epoch, accuracy, validation, px)``."""
    names = ["nn", "dataset", "trial", "epoch", "accuracy", "validation", "transform"]
    frame = DataFrame(rows, columns=names)
    frame["prm"] = [{"lr": 0.1, "transform": name} for name in frame.pop("transform")]
    return frame.assign(task="img-classification", metric="acc")
