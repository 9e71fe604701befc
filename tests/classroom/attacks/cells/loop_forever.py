# tries: compute without end
# control: hangs
def weighted(values):
    while True:
        pass
