"""``python -m lemur_core`` is the command ``lemur``."""

import os
import sys

# Python looks in the working directory first, and the command ``lemur`` does not look there.
if not sys.flags.safe_path:
    place = sys.path.pop(0)
    # Where lemur itself is run from its sources, its processes must find it.
    if os.path.isdir(os.path.join(place, "lemur_core")):
        sys.path.append(place)

from lemur_core.cli import main

main()
