"""A blocked PIN replaced at a station: the PUK stays with the issuer, the new PIN with the holder."""
