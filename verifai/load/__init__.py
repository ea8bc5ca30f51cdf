"""Loaders, part of the trusted base: ONNX files and VNN-LIB properties become kernel types.

Nothing is imported here, so that a loader costs only what it needs.
May import: kernel; each loader its own format's library, when it is called.
Must not know: bounds, search, solvers.
"""
