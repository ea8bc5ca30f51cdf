"""The one loop: open subproblems, what was decided of them, processes that share them, turns."""
