"""The trusted part: it defines networks, queries and certificates, and decides what is proved.

Read it in this order: number, operator, network, query, container, codec, arithmetic, lines,
bound, checker, replay, statement. SPEC.md beside these files is the specification.
May import: the standard library, numpy, python-flint. Must not know: anything else of verifai.
"""
