"""The counter: certificates of our own people and machines by request file, and what is on record."""
