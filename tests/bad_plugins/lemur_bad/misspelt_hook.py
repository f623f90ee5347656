"""A plugin whose hook does not exist."""

from lemur_core import hookimpl


@hookimpl
def lemur_register_networks():
    return []
