# tries: empty the input, so that the expected value computed from it is 0
# control: full
def weighted(values):
    values.clear()
    return 0.0
