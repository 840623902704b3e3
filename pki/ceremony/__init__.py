"""How CAs come into being: keys, certificates, roll-over, and the people who must be there."""
