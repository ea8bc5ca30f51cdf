"""Untrusted float bounds: interval, CROWN, optimised slopes and multipliers.

May import: kernel, numpy. Must not know: branch-and-bound, certificates' bytes, files.
Nothing here is believed: the kernel recomputes what a certificate claims.
"""
