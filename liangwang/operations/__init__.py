"""一网统管: things and their readings, signals, incidents, dispatch and boards."""
