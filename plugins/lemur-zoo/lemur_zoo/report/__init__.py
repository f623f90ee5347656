"""The report on a zoo: its numbers, its figures, and the page and card that show them."""
