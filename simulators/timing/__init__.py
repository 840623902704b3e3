"""How long real hardware would take: the line, the chip's arithmetic, its memory. Off unless asked for."""
