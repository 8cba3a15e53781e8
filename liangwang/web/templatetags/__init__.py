"""Template tags and filters: the design system for templates."""
