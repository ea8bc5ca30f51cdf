"""The search: attacks and branch-and-bound propose counterexamples and certificates.

May import: kernel, bounds, solvers. Must not know: the command line, reports.
Nothing here is believed: the kernel replays and checks.
"""
