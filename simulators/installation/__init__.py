"""The embedded installation: all services of one home in one process, with the synthetic civil register."""
