"""A plugin that imports torch when it is listed."""

import torch

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_commands():
    assert torch
    return [Entry("bad", "lemur_bad.things.commands:good", summary="Bad")]
