"""Who, where, when, and what was done: the storey everything stands on."""
