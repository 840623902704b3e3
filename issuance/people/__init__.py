"""Finding people, telling them what is held of them, and erasing it."""
