"""Pages of residents and companies: find, apply, track, rate, show."""
