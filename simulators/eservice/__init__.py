"""A sample e-service: a site that lets citizens log in with the card, through the verifier."""
