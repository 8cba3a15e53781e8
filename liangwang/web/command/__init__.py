"""The command screen: one map, what is open, and how long it has been open; city → district → street."""
