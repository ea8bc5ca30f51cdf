"""ONNX files as networks of the kernel."""
