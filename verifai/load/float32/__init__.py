"""ONNX files as programs that round to binary32 at every step."""
