"""Fakes of every port, a fake clock, and a simulation of the whole daemon. Nothing here is real."""
