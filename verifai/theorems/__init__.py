"""The gallery: statements about the mathematics of deep learning, each checked by a machine."""
