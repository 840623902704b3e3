"""Simulated people, cards, readers and sites that real clients can't tell from the real ones."""
