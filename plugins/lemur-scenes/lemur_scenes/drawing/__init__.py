"""Generated scenes, which are identical on every machine, to the last bit.

All computations use integers. Random integers come from numpy's PCG64, whose bits never change.
"""
