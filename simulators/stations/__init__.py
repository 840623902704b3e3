"""Reader stations by program: enrolled, and run as processes of their own with simulated cards."""
