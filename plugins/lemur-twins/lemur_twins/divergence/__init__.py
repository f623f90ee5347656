"""Where two nets that were equal part, and why."""
