"""Of all tests: what a process needs to be interrupted."""

import signal

# What a shell starts in the background ignores Ctrl-C, and so would everything that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
