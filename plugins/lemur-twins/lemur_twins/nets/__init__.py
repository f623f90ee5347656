"""The nets, in one package for each framework."""
