"""Where a simulated card can be put in: the real pcscd's virtual slots, or a reader inside this process."""
