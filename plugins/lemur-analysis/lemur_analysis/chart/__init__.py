"""Charts of plain text, for terminals, pipes and logs."""
