"""How what people give enters: the mechanism (takes), rules, numbers, and the sentences of refusal.

Nothing is imported here. May import: numpy, python-flint, kernel. Must not know: any particular
property, the command line.
"""
