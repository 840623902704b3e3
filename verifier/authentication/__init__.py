"""Web eID authentication tokens: one cryptographic proof, checked in numbered steps; no input or output."""
