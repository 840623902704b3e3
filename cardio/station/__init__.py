"""What happens at a reader station: between the person who stands there, their card, and the registry."""
