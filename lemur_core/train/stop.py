"""How a trial in this process is told to end at once."""


class StopNow(KeyboardInterrupt):
    """The user wants what is under way to end.

    A net can raise `KeyboardInterrupt` too, which is its own failure; this one is not.
    """
