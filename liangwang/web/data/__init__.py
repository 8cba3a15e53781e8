"""The data desk: sources and their freshness, batches and what was wrong with them, conflicts between sources."""
