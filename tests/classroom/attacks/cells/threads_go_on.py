# tries: answer, and let threads compute on
# control: hangs
import threading


def work():
    while True:
        pass


threading.Thread(target=work).start()


def weighted(values):
    return 0.0
