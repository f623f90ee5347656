"""What the bad plugins register."""
