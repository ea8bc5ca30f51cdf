"""Train, verify, learn from the exact counterexamples, until the property is verified.

May import: everything below the command line, torch. Must not know: terminals.
"""
