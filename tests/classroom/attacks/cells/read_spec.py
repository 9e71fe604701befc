# tries: read the grading spec by its absolute path
# control: leak
def weighted(values):
    with open(HOST["spec"]) as file:
        raise RuntimeError(file.readline())
