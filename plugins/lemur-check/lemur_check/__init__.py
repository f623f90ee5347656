"""Check nets written by language models or strangers, and export recorded code as training data."""
