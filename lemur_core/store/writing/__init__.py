"""Write results: each event exactly once, even if the database is unavailable for a while."""
