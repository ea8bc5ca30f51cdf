"""Properties of a project that a file lists: settled, and told in forms that other programs read.

May import: everything below the command line. Must not know: terminals.
"""
