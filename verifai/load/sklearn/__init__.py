"""Multi-layer perceptrons of scikit-learn.

May import: nothing by itself. Must not know: queries.
"""
