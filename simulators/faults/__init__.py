"""Cards and readers that fail by a script: power, silence, wrong answers, swaps, limits, T=0."""
