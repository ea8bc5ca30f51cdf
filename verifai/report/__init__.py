"""How results are shown to people.

May import: verify and below. Must not know: the command line.
"""
