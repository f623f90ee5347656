"""The contract of commands, the sub-commands of ``lemur``.

A command's target is a `click.Command`. ``lemur --help`` shows the entry's name and ``summary``
instead of the command's own, because listing the commands must not import them.
"""
