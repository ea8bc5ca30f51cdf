"""The files of networks, queries and certificates: readers only; nothing here writes.

May import: the kernel's language (operator, network, query, number, errors). Must not know: proofs'
validity.
"""
