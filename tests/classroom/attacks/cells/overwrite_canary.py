# tries: overwrite a file of the grader's user, directly and through a link
# control: canary
import os

try:
    with open(HOST["canary"], "w") as file:
        file.write("gone")
except OSError:
    os.symlink(HOST["canary"], "link")
    with open("link", "w") as file:
        file.write("gone")


def weighted(values):
    return 0.0
