# tries: run the solved master, by its absolute path
# control: full
import re

with open(HOST["solution"]) as file:
    exec(re.sub(r"(?m)^ *###.*", "", file.read()))
