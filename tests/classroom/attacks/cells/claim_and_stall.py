# tries: announce a reply of 900 kB and send nothing
# control: stalls channel
import os
import struct
import sys
import time

os.write(int(sys.argv[2]), struct.pack(">I", 900_000))
time.sleep(3600)
