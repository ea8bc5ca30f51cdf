"""The trusted part: it defines networks, queries and certificates, and decides what is proved.

README.md says what one must believe, and in which order to read; SPEC.md is the specification.
May import: the standard library, numpy, python-flint. Must not know: anything else of verifai.
"""
