"""A plugin that can be imported only where something else has imported torch."""

import sys

from lemur_core import Entry, hookimpl

TENSOR = sys.modules["torch"].Tensor


@hookimpl
def lemur_register_commands():
    return [Entry("bad", "lemur_bad.things.commands:good", summary="Bad")]
