"""The results database: schema, writing, reading, importing and maintenance, without torch."""
