"""VNN-LIB properties, versions 1.0 and 2.0, as queries of the kernel."""
