"""Read results: filter them, make data frames of them and write them in other formats."""
