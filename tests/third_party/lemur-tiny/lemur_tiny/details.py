"""What ``lemur show zoo`` says beside what it says of every entry."""


def of_zoo(entry):
    yield f"{'members':<12}{len(entry.load()())}"
