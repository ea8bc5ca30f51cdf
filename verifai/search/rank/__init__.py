"""Which of the values that can be split is split: one rule a file."""
