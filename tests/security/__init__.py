"""What other users, planted files and hostile names can do: nothing."""
