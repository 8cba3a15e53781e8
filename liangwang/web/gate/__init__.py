"""The gate page: a phone that checks codes, with or without a network."""
