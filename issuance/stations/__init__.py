"""Reader stations: who they are, how they are taken in, and the hub that their agents dial."""
