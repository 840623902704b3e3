"""A PIV card in software: the other side of `cardio`, written from the specifications, never from cardio."""
