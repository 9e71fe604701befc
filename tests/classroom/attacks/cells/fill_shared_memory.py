# tries: write 40 MB to /dev/shm
# control: done
import os


def weighted(values):
    path = "/dev/shm/" + HOST["mark"]
    try:
        for number in range(4):
            with open(path + str(number), "wb") as file:
                file.write(bytes(10_000_000))
        raise RuntimeError("DONE")
    finally:
        for number in range(4):
            if os.path.exists(path + str(number)):
                os.remove(path + str(number))
