"""The map's own words in both languages; topics and branches bring theirs from the map file.

``LIST`` stands in the page, ``STRIP`` on the chapters; ``TOOLS`` stands in the controls, ``SPOKEN`` is what the script
says. ``{names}`` are filled in.
"""

from __future__ import annotations

from course_lib.core.bilingual import Text

Words = dict[str, Text]


def in_language(words: Words, language: str) -> dict[str, str]:
    """The words in one language."""
    return {name: text.get(language) for name, text in words.items()}


LIST: Words = {
    "totals": Text(
        "{topics} topics, {ready} ready and {planned} planned; about {hours} hours of reading and running.",
        "共 {topics} 个主题：{ready} 个已完成，{planned} 个计划中；阅读与运行约需 {hours} 小时。",
    ),
    "count": Text("{ready} of {topics} ready", "{topics} 个中已完成 {ready} 个"),
    "picture": Text(
        "The map: branches in reading order, down the left side and then down the right, with their topics; planned "
        "topics have a small dot",
        "导图：分支按阅读顺序排列，先左侧自上而下，再右侧自上而下；小圆点表示计划中的主题",
    ),
    "legend": Text("goes beyond the source article", "原文之外的内容"),
    "planned": Text("planned", "计划中"),
    "minutes": Text("{n} min", "{n} 分钟"),
    "after": Text("after ", "先学："),
    "comma": Text(", ", "、"),
    "developer": Text("developers", "开发者"),
    "business": Text("business", "业务人员"),
    "both": Text("everyone", "所有人"),
}

STRIP: Words = {
    "here": Text("You are here", "当前位置"),
    "map": Text("Map", "导图"),
    "before": Text("Builds on", "先学"),
    "nothing": Text("nothing: you can begin here", "无需基础，可从这里开始"),
    "next": Text("Leads to", "接着学"),
    "then": Text("Then", "然后学"),
    "end": Text("no further topic", "没有后续主题"),
    "minutes": LIST["minutes"],
    "for": Text("for {who}", "适合{who}"),
    "planned": LIST["planned"],
    "legend": LIST["legend"],
    "mark": Text("Mark as done", "标记为已学完"),
    "done": Text("Done", "已学完"),
    "unmark": Text("Done: click to undo", "已学完：点击撤销"),
    "failed": Text("This browser did not keep your progress", "浏览器未能保存进度"),
}

TOOLS: Words = {
    "search": Text("Search the map", "在导图中查找"),
    "hint": Text("Topic or concept, English or 中文", "主题或概念，中英文均可"),
    "role": Text("Topics for", "适合"),
    "all": Text("Everyone", "所有人"),
    "developer": Text("Developers", "开发者"),
    "business": Text("Business", "业务人员"),
    "depth": Text("Show", "展开到"),
    "branches": Text("Branches", "分支"),
    "topics": Text("Topics", "主题"),
    "concepts": Text("Concepts", "概念"),
    "view": Text("View", "视图"),
    "map": Text("Map", "导图"),
    "list": Text("List", "列表"),
    "zoom": Text("Zoom", "缩放"),
    "in": Text("Zoom in", "放大"),
    "out": Text("Zoom out", "缩小"),
    "fit": Text("Whole map", "显示全图"),
    "after": Text("Next for you", "接下来"),
    "card": Text("Selected topic", "所选主题"),
    "keep": Text("Your progress stays in this browser.", "学习进度只保存在本浏览器中。"),
    "export": Text("Export progress", "导出进度"),
    "import": Text("Import progress", "导入进度"),
    "help": Text(
        "Keys on the map: arrows move, Enter opens a chapter, Space changes its state, + and − zoom, / searches.",
        "键盘操作：方向键移动，回车打开章节，空格切换学习状态，+ 与 − 缩放，/ 查找。",
    ),
}

SPOKEN: Words = {
    "none": Text("Not started", "未开始"),
    "reading": Text("Reading", "学习中"),
    "done": Text("Done", "已学完"),
    "state": Text("State", "学习状态"),
    "planned": Text("Planned: this chapter is not written yet", "计划中：本章尚未写成"),
    "tree": Text("Map of the course", "课程导图"),
    "doneOf": Text("{done} of {ready}", "{done}/{ready}"),
    "ring": Text("done", "已学完"),
    "totals": Text(
        "{done} of {ready} ready topics done, {reading} in progress, {passed} of {questions} exercises passed; "
        "about {hours} h of ready chapters left.",
        "已写成的 {ready} 个主题中学完 {done} 个、在学 {reading} 个；练习通过 {passed}/{questions} 题；"
        "已写成的章节约剩 {hours} 小时。",
    ),
    "minutes": LIST["minutes"],
    "needs": Text("Builds on", "先学"),
    "nothing": Text("nothing", "无"),
    "concepts": LIST["comma"],
    "exercises": Text("{passed} of {all} exercises passed", "练习通过 {passed}/{all} 题"),
    "open": Text("Open chapter", "打开章节"),
    "fold": Text("{n} topics", "{n} 个主题"),
    "next": TOOLS["after"],
    "whyReading": Text("You have begun it.", "你已经开始学这一章。"),
    "whyStart": Text("Nothing has to come before it.", "学它不需要任何基础。"),
    "whyReady": Text("It builds on {topics}, which you have done.", "它的基础“{topics}”你已学完。"),
    "whyFirst": Text("It is the first one left for you; it builds on {topics}.", "它是剩下的第一章；它的基础是“{topics}”。"),
    "whyAll": Text("Every ready topic for you is done.", "适合你的已写成主题都已学完。"),
    "found": Text("{n} found", "找到 {n} 个"),
    "notFound": Text("Nothing found", "没有找到"),
    "imported": Text("Merged: results of {n} questions, {m} topics", "已合并 {n} 道题、{m} 个主题的记录"),
    "badFile": Text("Not imported: this is no progress file of the course", "未导入：这不是课程的进度文件"),
    "newFile": Text(
        "Not imported: the file is from a newer version of the course",
        "未导入：该文件来自更新版本的课程",
    ),
    "newStore": Text(
        "The progress kept here is from a newer version of the course; it is shown empty and left as it is.",
        "此处保存的进度来自更新版本的课程；现按空白显示，原数据不动。",
    ),
    "notKept": Text(
        "This browser keeps no data for this page: export your progress before you leave.",
        "浏览器不为本页保存数据：离开前请导出进度。",
    ),
}  # fmt: skip
