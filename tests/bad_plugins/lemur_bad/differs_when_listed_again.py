"""A plugin whose hook registers something else each time."""

from lemur_core import Entry, hookimpl

_listed = []


@hookimpl
def lemur_register_commands():
    _listed.append(None)
    return [Entry(f"bad-{len(_listed)}", "lemur_bad.things.commands:good", summary="Bad")]
