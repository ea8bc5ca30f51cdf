"""The trusted part: it defines networks, queries and certificates, and decides what is proved.

Read it in this order: number, operator, network, query; files/container, fields, network, query,
certificate; binary64, arithmetic, functions, smooth, lines, forward, bound; context, ledger,
derive, checker, check; formula, replay, statement, __main__. SPEC.md beside these files is the
specification.
May import: the standard library, numpy, python-flint. Must not know: anything else of verifai.
"""
