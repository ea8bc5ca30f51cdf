"""Lists of instances, run and timed as a competition does it, and compared with other solvers.

May import: the standard library, kernel errors, report. Must not know: how answers are found.
"""
