"""How subproblems are split in two: at inputs, or at the phases of neurons."""
