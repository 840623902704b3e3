"""Who people are: national codes, names, the civil register and the citizens taken over from it."""
