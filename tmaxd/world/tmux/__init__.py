"""The tmux adapter: one client over two channels, control mode and plain."""
