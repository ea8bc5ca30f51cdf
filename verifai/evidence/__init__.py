"""Evidence that is kept: one file, a store of files, and what is asked again of both.

May import: everything below the command line. Must not know: terminals, test runners.
"""
