"""The contract of views, the sub-commands of ``lemur show`` that plugins add.

A view's target is a `click.Command`, as a command's is. ``lemur show --help`` shows the entry's
name and ``summary`` instead of the command's own, because listing the views must not import them.
"""
