"""The adapters: one a port, each the only place that touches its part of the operating system."""
