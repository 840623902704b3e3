"""What a citizen has in hand until the card comes: a code, a signed slip, and a question that anyone may ask."""
