"""What the views of ``lemur show`` draw, read from the database."""
