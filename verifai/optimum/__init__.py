"""Greatest values with proof: maxima of outputs, Lipschitz constants.

May import: kernel, bounds, search, properties, verify. Must not know: files, the command line.
"""
