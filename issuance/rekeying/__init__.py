"""A card's keys made anew in a station's reader."""
