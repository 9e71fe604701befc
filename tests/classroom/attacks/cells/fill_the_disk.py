# tries: write 60 MB into the working folder, in files below any limit of size
# control: done
import os


def weighted(values):
    try:
        for number in range(6):
            with open(f"fill{number}", "wb") as file:
                file.write(bytes(10_000_000))
        raise RuntimeError("DONE")
    finally:
        for number in range(6):
            if os.path.exists(f"fill{number}"):
                os.remove(f"fill{number}")
