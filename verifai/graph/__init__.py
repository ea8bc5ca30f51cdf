"""Networks as graphs: built node by node, joined, differentiated, shrunk.

May import: kernel. Must not know: formats of files, search.
"""
