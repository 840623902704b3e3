"""A second person looks at a finished card before it can be handed over."""
