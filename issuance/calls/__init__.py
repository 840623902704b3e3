"""A citizen's call: a card is stopped by telephone, with a pass phrase agreed in person."""
