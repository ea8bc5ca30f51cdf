"""Builders: what people want to know of a network, as queries.

May import: kernel, graph, bounds, symbolic. Must not know: how a query is decided.
"""
