"""``python -m lemur_core`` is the command ``lemur``."""

from lemur_core.cli import main

main()
