"""How each framework trains a twin's net: one module for each of PyTorch, JAX and Keras."""
