"""The queue of approved applications, and the date on which each is told to be ready."""
