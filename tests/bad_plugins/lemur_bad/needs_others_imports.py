"""A plugin that can only be imported if torch has already been imported."""

import sys

from lemur_core import Entry, hookimpl

TENSOR = sys.modules["torch"].Tensor


@hookimpl
def lemur_register_commands():
    return [Entry("bad", "lemur_bad.things.commands:good", summary="Bad")]
