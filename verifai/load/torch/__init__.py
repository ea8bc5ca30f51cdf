"""Modules and exported programs of torch as networks of the kernel."""
