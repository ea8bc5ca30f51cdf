"""Evidence as it is written: records of proofs, and the files that the kernel reads.

Nothing here is believed: what is written is read again by the kernel before it counts.

May import: kernel. Must not know: bounds, the search, who asks.
"""
