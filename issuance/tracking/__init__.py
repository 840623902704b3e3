"""What a citizen has until the card comes: a code, a signed slip, and a question that needs no login."""
