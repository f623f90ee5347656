"""Sub-commands of ``lemur``: the contract.

A command's target is a `click.Command`. Its name in ``lemur --help`` is the entry's, and its help
there the entry's ``summary``, so that listing the commands imports none of them.
"""
