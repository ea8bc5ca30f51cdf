"""The second reader: what was loaded is compared with the original model, run by its own runtime.

May import: kernel. Must not know: files, how a query is decided.
"""
