"""Tasks: the dispatcher as a pure batch machine, retry rules, and the frame codec. Values only."""
