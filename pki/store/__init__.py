"""The authority's database, and what every service's database has in common."""
