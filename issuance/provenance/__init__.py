"""Where each card's keys were made: the index by which keys are found when a chip turns out weak."""
