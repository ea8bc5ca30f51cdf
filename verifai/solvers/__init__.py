"""Outside solvers behind small interfaces; what they say is a proposal, never a verdict."""
