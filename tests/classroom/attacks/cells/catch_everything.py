# tries: swallow every exception, interrupts too, for ever
# control: hangs
def weighted(values):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
