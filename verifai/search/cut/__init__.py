"""How subproblems are cut in two: at inputs, or at the phases of neurons."""
