"""What refutes a subproblem beyond its bounds: rows, intervals, linear programs, exact ones."""
