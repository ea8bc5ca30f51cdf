"""The search for counterexamples: points near the unsafe set, brought to exact ones in it."""
