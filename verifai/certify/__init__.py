"""Robustness of many inputs at many radii: each answer with its evidence, kept as it comes.

May import: everything below the command line. Must not know: terminals.
"""
