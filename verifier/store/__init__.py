"""The verifier's database: one metadata, and sessions that either read or write."""
