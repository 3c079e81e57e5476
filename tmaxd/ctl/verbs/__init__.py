"""One verb a file; each has a click command named `command`."""
