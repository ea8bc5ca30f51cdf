"""The kinds of nodes in floats, one a module: values, intervals, lines, gaps, and where to split.

May import: numpy, bounds.functions, bounds.maps, kernel. Must not know: networks, elimination.
"""
