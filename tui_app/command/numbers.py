"""Numbers on a command line."""

import click


class Whole(click.IntRange):
    """A whole number, within bounds where they are given, and called so in what is said of a wrong one."""

    name = "whole number"
