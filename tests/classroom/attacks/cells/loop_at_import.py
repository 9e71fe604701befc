# tries: never finish the cell
# control: hangs
while True:
    pass
