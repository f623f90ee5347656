"""The nets, one file each, named as the literature names them."""
