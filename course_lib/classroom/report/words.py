"""The words of the report's pages, in both languages."""

from __future__ import annotations

from course_lib.core.bilingual import Text

WORDS = {
    "class_report": Text("Class report", "班级报告"),
    "back": Text("All learners", "全部学员"),
    "learners": Text("Learners", "学员"),
    "learner": Text("Learner", "学员"),
    "questions": Text("Questions", "题目"),
    "question": Text("Question", "题目"),
    "points": Text("Points", "得分"),
    "of": Text("of", "/"),
    "mean": Text("Mean", "平均分"),
    "median": Text("Median", "中位数"),
    "outcomes": Text("Outcomes", "结果"),
    "distribution": Text("How the points are spread", "得分分布"),
    "tenth": Text("Share of the points", "得分率"),
    "others": Text("More messages", "更多提示"),
    "more": Text("Details", "详情"),
    "problems": Text("Not graded", "未批改"),
    "problems_text": Text("These files are not in the results. Where somebody handed in nothing else for a topic, it "
                          "counts as not attempted.",
                          "以下文件不在结果之中。学员在某个主题上没有其他文件时，该主题按未作答计。"),
    "problem_files": Text("Files", "文件"),
    "and_more": Text("and {n} more", "另有 {n} 个"),
    "faults": Text("The grader itself failed on some submissions; they are marked below. Details are in faults.txt. "
                   "Run the same command again to grade them anew.",
                   "批改程序在部分提交上出错，已在下表标出；详情见 faults.txt。再次运行同一命令即可重新批改。"),
    "trusted": Text("These submissions ran WITHOUT a sandbox (--trust-submissions). A dishonest one could have read "
                    "the solutions, changed files or faked points: don't rely on this report where that matters.",
                    "这些提交在没有沙箱的情况下运行（--trust-submissions）。不诚实的提交可能读取答案、修改文件或伪造分数：重要场合请勿依据本报告。"),
    "graded_on": Text("Graded on", "批改时间"),
    "sandbox": Text("sandbox", "沙箱"),
    "seed": Text("seed", "随机种子"),
    "none": Text("none", "无"),
    "failed_here": Text("grader failed", "批改程序出错"),
    "right": Text("What is right", "做对的部分"),
    "not_right": Text("What is not right yet", "尚未做对的部分"),
    "hidden": Text("hidden case", "隐藏用例"),
    "gated": Text("right, but counts only once the first case is right", "正确，但第一个用例正确后才计分"),
    "next": Text("Next step", "下一步"),
    "notes": Text("How your file was read", "你的文件是如何读取的"),
    "files": Text("Also in this folder: grades.csv, results.json, moodle.csv, canvas.csv, and gradescope/ with one "
                  "results.json per learner.",
                  "本文件夹中还有：grades.csv、results.json、moodle.csv、canvas.csv，以及 gradescope/（每名学员一个 results.json）。"),
    "PASS": Text("Passed", "通过"),
    "FAIL": Text("Not right yet", "尚未正确"),
    "ERROR": Text("Error", "出错"),
    "NOT ATTEMPTED": Text("Not attempted", "未作答"),
    "chart_text": Text("Learners per tenth of the points: {counts}.", "每一成得分率的学员人数：{counts}。"),
    "all_right": Text("Every question is right. Well done.", "所有题目全部正确，做得好。"),
    "summary": Text("{right} of {all} questions right", "{all} 题中答对 {right} 题"),
}  # fmt: skip

SYMBOLS = {"PASS": "✓", "FAIL": "✗", "ERROR": "!", "NOT ATTEMPTED": "–"}
