# tries: SystemExit, which is no Exception
# control: dies
import sys


def weighted(values):
    sys.exit(0)
