"""Builders: what people want to know of a network, as queries.

May import: kernel, load, symbolic. Must not know: how a query is decided.
"""
