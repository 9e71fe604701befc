# tries: end the process while the cell runs
# control: dies
import os

os._exit(0)
