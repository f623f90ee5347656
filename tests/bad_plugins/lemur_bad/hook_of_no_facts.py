"""A hook whose facts cannot be stored as JSON."""

from lemur_core import hookimpl


@hookimpl
def lemur_epoch_trained(net):
    return {"weights": next(net.parameters())}
