"""Templates of the files that ``lemur new plugin --kind space`` writes."""
