"""What all tests have in common, the plugins' too."""

import os

# Where files of tests are run side by side, each keeps to one core: on more they would wait for
# each other at every operation. To be said before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
