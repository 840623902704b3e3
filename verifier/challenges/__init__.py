"""Challenges: nonces sealed for a site, that serve one attempt and are on record once they did."""
