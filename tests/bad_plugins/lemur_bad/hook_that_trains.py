"""A hook that changes the net."""

from lemur_core import hookimpl


@hookimpl
def lemur_epoch_trained(net):
    next(net.parameters()).data.zero_()
