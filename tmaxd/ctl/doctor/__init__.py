"""`tmaxctl doctor`: what of this machine, and of one fleet's files, keeps a fleet from working well.

`reading` looks at the world and only says what is there (`seen`); `judging` makes findings of that and is pure;
`repair` does the few things that are safe to do by itself. Works without a daemon and without a spec.
"""
