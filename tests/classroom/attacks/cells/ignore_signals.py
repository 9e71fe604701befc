# tries: ignore every signal that asks for an end, then never end
# control: hangs sigterm
import signal
import time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGALRM, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)


def weighted(values):
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass
