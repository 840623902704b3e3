"""The lives of applications and cards: their states, and what leads from one to the next."""
