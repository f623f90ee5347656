"""Learning curves in CSV: ``net,seed,lr,epoch,accuracy``."""

import csv

from lemur_core.kinds.importer import EpochRecord, Fault

COLUMNS = ["net", "seed", "lr", "epoch", "accuracy"]


def recognises(place):
    """Return whether the first line has the names of the columns."""
    if not place.is_file():
        return False
    with place.open(errors="replace") as file:
        return file.readline().strip().split(",") == COLUMNS


def read(place, *, dataset="digits"):
    """Yield the epochs in the file; a curve is a trial."""
    with place.open() as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                values = float(row["lr"]), int(row["epoch"]), float(row["accuracy"])
            except (TypeError, ValueError) as error:
                yield Fault(f"{place}:{line}", str(error))
                continue
            lr, epoch, accuracy = values
            names = ("img-classification", dataset, "acc", row["net"])
            yield EpochRecord(
                *names, {"lr": lr}, epoch, accuracy, trial=row["seed"], place=f"{place}:{line}"
            )
