"""Is this somebody whom we know already under another code? Candidates, a score, and a person's decision."""
