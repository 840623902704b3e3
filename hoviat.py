"""Front door (filled in below)."""
