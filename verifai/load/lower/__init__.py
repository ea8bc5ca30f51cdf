"""What operators mean: functions of a builder, values and plain arguments, for every format.

A loader reads an operator's arguments as its format has them and calls one of these; so there is
one meaning for all formats. A function that cannot say what it is asked for raises an InputError;
the loader adds which operator of which file it was.

May import: numpy, python-flint, kernel, graph. Must not know: formats, other loaders' errors.
"""
