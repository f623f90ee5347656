"""A tracker whose facts no JSON can hold."""

from lemur_core import hookimpl


@hookimpl
def lemur_epoch_trained(net):
    return {"weights": next(net.parameters())}
