"""Many certificates held, released or revoked by one decision of two officers."""
