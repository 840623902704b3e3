"""CRLs (RFC 5280 §5): full, partitioned and delta, streamed from the database into files that are kept."""
