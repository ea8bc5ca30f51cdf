"""`verifai demo`: a handful of properties, decided, re-checked and shown."""

from verifai.demo.run import run_demo

__all__ = ["run_demo"]
