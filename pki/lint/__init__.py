"""Rules over the exact bytes that are about to be signed."""
