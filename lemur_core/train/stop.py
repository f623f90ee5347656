"""The exception that ends a trial in this process at once."""


class StopNow(KeyboardInterrupt):
    """The user asked the program to stop at once.

    A `KeyboardInterrupt` that a net raises fails its trial; this exception does not.
    """
