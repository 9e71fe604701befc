"""A grader in a process of its own, as ``course grade`` is one: takes answers as JSON lines, gives verdicts.

Arguments: the folder of the small course, then, to stand for a package installed as a wheel, the folder of installed
packages that holds it.
"""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from course_lib.classroom import process, sandbox
from course_lib.classroom.grading import grade, prepare
from course_lib.classroom.guessing import best_constant
from course_lib.classroom.loading import load_exercise

exercise = load_exercise("attack.target", Path(sys.argv[1]))
if len(sys.argv) > 2:
    site = sys.argv[2]
    process.site_folders = sandbox.site_folders = lambda: [*folders, site]
    folders = [one for one in process.sysconfig.get_paths().values() if one.endswith("-packages")] + [
        one for one in sys.path if one.endswith("-packages") and one != site
    ]
    folders = list(dict.fromkeys(folders))
    sandbox.PACKAGE = Path(site) / "course_lib"
prepared = {}
for line in sys.stdin:
    request = json.loads(line)
    seed = request.get("seed", 0)
    if seed not in prepared:
        prepared[seed] = prepare(exercise, seed=seed)
    reply = {}
    if "sources" in request:
        reply["verdicts"] = [one.to_dict() for one in grade(prepared[seed], request["sources"], sandbox.Sandbox(0))]
    else:
        ready = prepared[seed]
        reply["best"] = {
            one.name: asdict(best_constant(one, ready.inputs[one.name], ready.expected[one.name]))
            for one in ready.code([each.name for each in ready.questions])
        }
        reply["inputs"] = ready.inputs
    # Not getrusage: that counts what the process was before it became this program.
    reply["peak_mb"] = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps(reply), flush=True)
