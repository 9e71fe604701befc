# tries: replace the worker by another program
# control: hangs
import os


def weighted(values):
    os.execv("/usr/bin/sleep", ["sleep", "3600"])
