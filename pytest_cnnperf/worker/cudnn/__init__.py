"""cuDNN's legacy convolution calls through ctypes: its algorithms by name, and how one of them is chosen."""
