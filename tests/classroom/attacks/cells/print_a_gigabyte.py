# tries: print 1 GB
# control: floods
def weighted(values):
    for _ in range(1_000):
        print("a" * 1_000_000)
    return 0.0
