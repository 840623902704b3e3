"""What citizens see of their own record, by themselves, with their card."""
