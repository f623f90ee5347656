"""Run the command ``lemur`` with ``python -m lemur_core``."""

import os
import sys

# With -m, Python searches the working directory first; the command ``lemur`` does not search it.
if not sys.flags.safe_path:
    folder = sys.path.pop(0)
    # If lemur runs from its source tree, its processes must still find it.
    if os.path.isdir(os.path.join(folder, "lemur_core")):
        sys.path.append(folder)

from lemur_core.cli import main

main()
