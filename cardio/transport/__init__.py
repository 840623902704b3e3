"""Ways to reach a card, all behind one `CardConnection` protocol."""
