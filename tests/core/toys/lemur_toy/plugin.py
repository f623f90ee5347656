from lemur_core import Entry, entries_in, hookimpl

TASKS = ("img-classification",)


@hookimpl
def lemur_register_nets():
    nets = {entry.name: entry for entry in entries_in("lemur_toy.nets", TASKS)}
    tall = Entry("Tall", nets["Linear"].target, TASKS, min_size=64)
    demo = Entry("Linear", nets.pop("Linear").target, TASKS, demo=True)
    return [*nets.values(), demo, tall]


@hookimpl
def lemur_register_loaders():
    return [
        Entry("blobs", "lemur_toy.data:blobs", TASKS, "Two colours, apart", size=4, demo=True),
        Entry("absent", "lemur_toy.data:absent", TASKS, "Never there", size=4),
        Entry("words", "lemur_toy.data:blobs", ("txt-generation",), "Another task"),
    ]


@hookimpl
def lemur_register_transforms():
    return [
        Entry("plain", "lemur_toy.data:Plain", TASKS, "Scaled to 0..1", demo=True),
        Entry("double", "lemur_toy.data:Double", TASKS, "Twice as large", size=8),
    ]


@hookimpl
def lemur_register_metrics():
    return [Entry("hits", "lemur_toy.data:Hits", TASKS, "Share of hits", demo=True)]


@hookimpl
def lemur_register_estimators():
    return [
        Entry("soon", "lemur_toy.estimators:Soon", summary="Settles soon"),
        Entry("raises", "lemur_toy.estimators:Raises", summary="Raises"),
    ]
