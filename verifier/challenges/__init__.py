"""Challenges: nonces that are issued to a site and serve one attempt."""
