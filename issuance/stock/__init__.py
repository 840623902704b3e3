"""Card bodies: where each of them is, and that all of them add up."""
