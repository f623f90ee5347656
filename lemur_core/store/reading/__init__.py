"""Results, read: filtered, put together, told, written for other programs."""
