# tries: start 200 threads
# control: done
import threading


def weighted(values):
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, daemon=True) for _ in range(200)]
    try:
        for one in threads:
            one.start()
    finally:
        end.set()
    raise RuntimeError("DONE")
