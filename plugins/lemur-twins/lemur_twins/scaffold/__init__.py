"""Templates of the files that ``lemur new plugin --kind twin`` writes."""
