"""How answers to ``solutions/recommend/sequential.py`` are graded. There are no answers here; they come from the master."""

from __future__ import annotations

import numpy as np

from course_lib.classroom.compare import close
from course_lib.classroom.spec import Case, Code, Wrong
from course_lib.core.bilingual import Text

_CLOSE = close(1e-9, 1e-6)

# -- last_two_out -----------------------------------------------------------------------------------------------------


def _draw_log(generator: np.random.Generator) -> tuple:
    """A few users, few times, so that many events are equal in time."""
    n = int(generator.integers(8, 30))
    user, item, time = generator.integers(4, size=n), generator.integers(6, size=n), generator.integers(4, size=n)
    return ([(f"u{u}", "abcdef"[i], int(t)) for u, i, t in zip(user, item, time)],)


_SPLIT = """def last_two_out(log):
    of = {{}}
    for place, (u, i, t) in enumerate(log):
        of.setdefault(u, []).append((t, place, i))
    out = {{}}
    for u, events in of.items():
        names = [e[2] for e in {ordered}]
        out[u] = {parts} if len(names) {enough} else {rest}
    return out
"""


def _split(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "ordered": "sorted(events, key=lambda e: (e[0], e[1]))", "parts": "(names[:-2], names[-2], names[-1])",
        "enough": ">= 3", "rest": "(names, None, None)",
    }  # fmt: skip
    return _SPLIT.format(**parts | changed)


SPLIT = Code(
    name="last_two_out",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two users, times in any order, one tie", "两个用户，时间乱序，有一处并列"),
            1.5,
            inputs=(
                ([("u", "c", 5), ("u", "a", 3), ("v", "d", 9), ("u", "b", 5), ("v", "e", 2), ("v", "f", 4), ("v", "a", 7)],),
                ([("w", "b", 1), ("w", "a", 1), ("w", "d", 1), ("w", "c", 1)],),
            ),
            expect=Text(
                "Items in time order, equal times as in the log; the last is the test, the last but one the validation",
                "按时间排列，同一时刻保持日志顺序；最后一件作测试，倒数第二件作验证",
            ),
            advice=Text(
                "Python's sort keeps the order of equal elements. What does your key compare when two times are equal?",
                "Python 的排序会保持相等元素的顺序。两个时间相等时，你的 key 还比较了什么？",
            ),
        ),
        Case(
            "short",
            Text("Users with one or two events", "只有一两个事件的用户"),
            0.75,
            inputs=(
                ([("u", "b", 4), ("u", "a", 2), ("v", "a", 1), ("w", "c", 3), ("w", "a", 1), ("w", "b", 2)],),
                ([("u", "b", 4), ("v", "a", 2), ("v", "c", 2)],),
            ),
            expect=Text("All items for training, and None twice", "全部用于训练，另两项为 None"),
            advice=Text(
                "Two events can't be validation and test: nothing would be left to learn from.",
                "只有两个事件时不能拿去验证和测试：那样就没有可学的了。",
            ),
        ),
        Case("random", Text("Random logs with many ties", "有许多并列的随机日志"), 0.75, draw=_draw_log, n=25, hidden=True),
    ),
    hints=(
        Text(
            "Collect each user's events first, in the order in which the log has them.",
            "先按日志中的顺序收集每个用户的事件。",
        ),
        Text(
            "Sort by the time alone: sorted(events, key=...) leaves equal times as they were.",
            "只按时间排序：sorted(events, key=...) 会让相同时间的事件保持原样。",
        ),
    ),
    wrong=(
        Wrong(
            "ties_by_item",
            _split(ordered="sorted(events, key=lambda e: (e[0], e[2]))"),
            Text(
                "Equal times are put in the order of the items' names, so that a name decides what the test is. Compare times "
                "alone.",
                "时间相同时你按商品名排序，于是由名字决定谁是测试项。只比较时间。",
            ),
        ),
        Wrong(
            "log_order",
            _split(ordered="events"),
            Text("The events stand in the order of the log. Sort each user's by time.", "事件还是日志的顺序。请按时间给每个用户的事件排序。"),
        ),
        Wrong(
            "ties_backwards",
            _split(ordered="sorted(events, key=lambda e: (e[0], -e[1]))"),
            Text(
                "Of two events at the same time, the one written later is the later one. You have turned them round.",
                "同一时刻的两个事件，后写入的在后。你把它们颠倒了。",
            ),
        ),
        Wrong(
            "two_swapped",
            _split(parts="(names[:-2], names[-1], names[-2])"),
            Text(
                "Validation and test are exchanged: the very last item is the test.",
                "验证和测试弄反了：最后一件才是测试。",
            ),
        ),
        Wrong(
            "two_are_enough",
            _split(enough=">= 2"),
            Text(
                "A user with two events lost both of them. With fewer than three, all stay in training.",
                "只有两个事件的用户，两个都被拿走了。少于三个时，全部留作训练。",
            ),
        ),
    ),
)  # fmt: skip


# -- live_votes -------------------------------------------------------------------------------------------------------


def _draw_session(generator: np.random.Generator) -> tuple:
    """A table of votes and a session that comes back to items and pauses now and then."""
    n_items, n = int(generator.integers(2, 6)), int(generator.integers(2, 9))
    votes = np.round(generator.random((n_items, n_items)) * (generator.random((n_items, n_items)) < 0.7), 2)
    hours = np.cumsum(generator.integers(0, 4, size=n) * generator.choice([0.25, 6.0], size=n))
    decay, half_life = float(generator.choice([0.3, 0.6, 0.9])), float(generator.choice([1.0, 5.0, 24.0]))
    return votes.tolist(), generator.integers(n_items, size=n).tolist(), hours.tolist(), decay, half_life


_LIVE = """def live_votes(votes, items, hours, decay, half_life):
    v, out = np.array(votes, float), []
    for t in range(len(items)):
        s = np.zeros(len(votes))
        for r in range({first}, t + 1):
            s = s + {events} * {time} * {vote}
        out.append({kept})
    return out
"""


def _live(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "first": "0", "events": "decay ** (t - r)", "time": "2 ** (-(hours[t] - hours[r]) / half_life)",
        "vote": "v[items[r]]", "kept": "s.tolist()",
    }  # fmt: skip
    return _LIVE.format(**parts | changed)


#: the sum kept and faded as a whole, as the exercise advises: most learners write it so, and slip in other places
_RUNNING = """def live_votes(votes, items, hours, decay, half_life):
    v, out = np.array(votes, float), []
    s = {start}
    for t in range(len(items)):
        left = decay * 2 ** (-(hours[t] - hours[t - 1]) / half_life) if t else {at_first}
        {step}
        out.append({kept})
    return {result}
"""


def _running(**changed: str) -> str:
    """An answer with one running sum that is right but for what is changed."""
    parts = {
        "start": "np.zeros(len(v))", "at_first": "1.0", "step": "s = left * s + v[items[t]]", "kept": "s.tolist()",
        "result": "out",
    }  # fmt: skip
    return _RUNNING.format(**parts | changed)


LIVE = Code(
    name="live_votes",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("Two or three events", "两三个事件"),
            2.0,
            inputs=(
                ([[0.0, 4.0], [3.0, 0.0]], [0, 1], [0.0, 2.0], 0.5, 2.0),
                ([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [0.0, 5.0, 0.0]], [2, 0, 1], [1.0, 4.0, 5.0], 0.8, 6.0),
            ),
            expect=Text(
                "After each event: the old scores faded by one event and by the time since, plus one row of votes",
                "每个事件之后：旧分数按一个事件和经过的时间衰减，再加上一行投票",
            ),
            advice=Text(
                "Do the second event by hand: how much is the first vote worth now, and which row is added?",
                "把第二个事件手算一遍：第一票现在还值多少，加上的是哪一行？",
            ),
        ),
        Case(
            "edges",
            Text("The same item twice, no pause, a long pause, an empty session", "同一商品两次、没有停顿、很长的停顿、空会话"),
            1.0,
            inputs=(
                ([[0.0, 1.0], [2.0, 0.0]], [0, 0, 1], [5.0, 5.0, 5.0], 0.5, 1.0),
                ([[0.0, 1.0], [2.0, 0.0]], [1, 0], [0.0, 500.0], 1.0, 10.0),
                ([[0.0, 1.0], [2.0, 0.0]], [], [], 0.5, 1.0),
            ),
            expect=Text("Repeats vote again; a long pause leaves next to nothing; no event gives []", "重复的再次投票；长停顿后几乎不剩；没有事件得到 []"),
            advice=Text(
                "Before the first event there is nothing to fade. Does your code ask for its predecessor's time?",
                "第一个事件之前没有可衰减的。你的代码有没有去取前一个事件的时间？",
            ),
        ),
        Case("random", Text("Random sessions", "随机会话"), 1.0, draw=_draw_session, n=25, hidden=True),
    ),
    hints=(
        Text(
            "Fading the sum is the same as fading each vote: all of them lose the same factor with the next event.",
            "衰减总和与衰减每一票是一样的：下一个事件到来时，它们都乘以同一个系数。",
        ),
        Text(
            "With an array, `scores += row` changes what you appended before. Append a copy, e.g. scores.tolist().",
            "用数组时，`scores += row` 会改掉先前放进结果的内容。放一份副本，例如 scores.tolist()。",
        ),
    ),
    wrong=(
        Wrong(
            "time_forgotten",
            _live(time="1"),
            Text(
                "Votes fade by events only. A pause counts too: multiply by 2 to the power of −(hours since) / half_life.",
                "你的投票只按事件衰减。停顿也算：乘以 2 的 −(经过小时) / half_life 次方。",
            ),
        ),
        Wrong(
            "events_forgotten",
            _live(events="1"),
            Text("Votes fade by time only. Each later event takes its share too: decay.", "你的投票只按时间衰减。每个后来的事件也要乘以 decay。"),
        ),
        Wrong(
            "last_only",
            _live(first="t"),
            Text("Only the last event votes. The ones before it still do, faded.", "只有最后一个事件在投票。之前的也要投，只是已衰减。"),
        ),
        Wrong(
            "columns",
            _live(vote="v[:, items[r]]"),
            Text(
                "You add a column: who speaks *for* the item. An event adds its row: what the item speaks for.",
                "你加的是列：谁为这件商品投票。事件加的是它的行：这件商品为谁投票。",
            ),
        ),
        Wrong(
            "e_for_two",
            _live(time="math.exp(-(hours[t] - hours[r]) / half_life)"),
            Text(
                "After one half-life a vote is worth 0.37 of itself in your answer. Half is 2 to the power of −1.",
                "在你的答案里，一个半衰期后票值剩 0.37。减半是 2 的 −1 次方。",
            ),
        ),
        Wrong(
            "since_last_event",
            _live(time="2 ** (-(hours[t] - hours[max(t - 1, 0)]) / half_life)"),
            Text(
                "Every vote fades by the last pause alone. An old vote has lived through all pauses since its own event.",
                "每一票都只按最近一次停顿衰减。旧的一票经历了自己之后的所有停顿。",
            ),
        ),
        Wrong(
            "one_list_overwritten",
            _running(start="[0.0] * len(v)", step="s[:] = [left * one + float(new) for one, new in zip(s, v[items[t]])]", kept="s"),
            Text(
                "All entries of your result are one and the same list, which each event overwrites. Append a copy of it.",
                "结果里的每一项都是同一个列表，每个事件都会改写它。请放入它的副本。",
            ),
        ),
        Wrong(
            "one_array_overwritten",
            _running(step="s *= left; s += v[items[t]]", kept="s"),
            Text(
                "All entries of your result are one and the same array, which *= and += overwrite. Append a list made from "
                "it: s.tolist() is a copy as well.",
                "结果里的每一项都是同一个数组，*= 和 += 会改写它。请放入由它得到的列表：s.tolist() 同时也是副本。",
            ),
        ),
        Wrong(
            "new_vote_faded",
            _running(step="s = left * (s + v[items[t]])"),
            Text(
                "The new event's vote is faded together with the old ones. Fade what was there first, then add the row.",
                "新事件的投票和旧的一起被衰减了。先衰减已有的，再加上这一行。",
            ),
        ),
        Wrong(
            "first_vote_faded_too",
            _running(at_first="decay", step="s = left * (s + v[items[t]])"),
            Text(
                "Each vote is faded as soon as it is added, the first event's too. A new vote counts whole: fade the sum before "
                "you add to it.",
                "每一票刚加入就被衰减，连第一个事件也是。新的一票应计全值：先衰减总和，再相加。",
            ),
        ),
        Wrong(
            "one_event_too_many",
            _live(events="decay ** (t - r + 1)"),
            Text(
                "Every vote has lost decay once too often: at its own event it is to the power of 0.",
                "每一票都多乘了一次 decay：在它自己的事件上，decay 的指数是 0。",
            ),
        ),
        Wrong(
            "last_state_alone",
            _running(result="s.tolist()"),
            Text(
                "You return the scores after the last event only. The result has a list for each event.",
                "你只返回了最后一个事件之后的分数。结果应为每个事件各给一个列表。",
            ),
        ),
    ),
)  # fmt: skip


# -- sampled_softmax --------------------------------------------------------------------------------------------------


def _draw_sample(generator: np.random.Generator) -> tuple:
    """Scores of a catalogue, and draws among which the target and repeats may be."""
    n, m = int(generator.integers(4, 40)), int(generator.integers(2, 12))
    scores = np.round(generator.normal(0, float(generator.choice([1.0, 4.0])), size=n), 3)
    target = int(generator.integers(n))
    drawn = generator.integers(n, size=m)
    drawn[0] = (target + 1) % n
    return scores.tolist(), target, drawn.tolist()


_SAMPLED = """def sampled_softmax(scores, target, drawn):
    d = [j for j in drawn if {counts}]
    d = {repeats}
    if not d:
        return {nothing}
    m = {m}
    x = np.array([{up}] + [scores[j] + {correction} for j in d], dtype=float)
    return float({total} - {up})
"""


def _sampled(**changed: str) -> str:
    """An answer that is right but for what is changed."""
    parts = {
        "counts": "j != target", "repeats": "d", "nothing": "0.0", "m": "len(d)", "up": "scores[target]",
        "correction": "math.log((len(scores) - 1) / m)", "total": "(x.max() + np.log(np.exp(x - x.max()).sum()))",
    }  # fmt: skip
    return _SAMPLED.format(**parts | changed)


SAMPLED = Code(
    name="sampled_softmax",
    agree=_CLOSE,
    cases=(
        Case(
            "basic",
            Text("A small catalogue", "一个小商品库"),
            2.0,
            inputs=(
                ([1.5, 0.0, -0.5, 0.5, 2.0, 0.25], 0, [1, 3, 2]),
                ([0.2, 1.0, -1.0, 0.4, 0.9, -0.3, 0.6, 0.0], 4, [4, 1, 7, 1]),
            ),
            expect=Text(
                "−s of the target + log of (e to its s, plus those of the drawn others with log((N − 1) / m) added)",
                "−目标分数 + log(e 的目标分数次方，加上其余抽中项加 log((N − 1) / m) 后的各次方)",
            ),
            advice=Text(
                "Take the target out of the draws first; m is what is left. Then correct, then sum.",
                "先把目标从抽样中去掉；剩下的个数就是 m。然后修正，再求和。",
            ),
        ),
        Case(
            "edges",
            Text("Huge scores, and nothing left to compare with", "极大的分数，以及没有可比较的项"),
            1.0,
            inputs=(
                ([1000.0, 998.0, -1000.0, 999.0], 1, [0, 2, 3]),
                ([-1000.0, -1001.0, -999.5], 2, [0, 1, 2]),
                ([0.5, 1.5, 2.5], 1, [1, 1]),
            ),
            expect=Text("Finite losses; 0 where only the target was drawn", "有限的损失；只抽到目标时为 0"),
            advice=Text(
                "exp(1000) overflows. Subtract the largest exponent before exp, and add it again after the log.",
                "exp(1000) 会溢出。取 exp 之前先减去最大的指数，取 log 之后再加回来。",
            ),
        ),
        Case("random", Text("Random draws", "随机抽样"), 1.0, draw=_draw_sample, n=25, hidden=True),
    ),
    hints=(
        Text(
            "m drawn items stand for N − 1 others: each counts (N − 1) / m times in the sum, that is, + log of it in the exponent.",
            "m 个抽中项代表其余 N − 1 项：每个在和里算 (N − 1) / m 次，也就是在指数里加上它的 log。",
        ),
        Text(
            "log Σ e^x = max + log Σ e^(x − max), for any numbers x.",
            "对任意数 x，log Σ e^x = max + log Σ e^(x − max)。",
        ),
    ),
    wrong=(
        Wrong(
            "not_corrected",
            _sampled(correction="0.0"),
            Text(
                "The correction is missing: the loss is that of a catalogue as small as your sample. Add log((N − 1) / m).",
                "缺少修正：这是一个和样本一样小的商品库的损失。请加上 log((N − 1) / m)。",
            ),
        ),
        Wrong(
            "target_among_the_drawn",
            _sampled(counts="True"),
            Text(
                "The target also stands among the wrong items and is pushed down. Leave it out of the drawn ones.",
                "目标也出现在错误项里，被压低了。请从抽中项里去掉它。",
            ),
        ),
        Wrong(
            "m_before_removing",
            _sampled(m="len(drawn)"),
            Text(
                "m counts the target that was drawn. Those that are left stand for all N − 1 others: count them only.",
                "你的 m 把抽中的目标也数了进去。由剩下的代表其余 N − 1 项：只数它们。",
            ),
        ),
        Wrong(
            "n_for_n_minus_one",
            _sampled(correction="math.log(len(scores) / m)"),
            Text(
                "There are N − 1 wrong items, not N: the target is none of them.",
                "错误项有 N − 1 个，不是 N 个：目标不算在内。",
            ),
        ),
        Wrong(
            "correction_the_other_way",
            _sampled(correction="math.log(m / (len(scores) - 1))"),
            Text(
                "Your correction makes the drawn items count less. Each speaks for many: add log((N − 1) / m), don't take it away.",
                "你的修正让抽中项变轻了。它们每个代表许多项：要加上 log((N − 1) / m)，而不是减去。",
            ),
        ),
        Wrong(
            "each_once",
            _sampled(repeats="sorted(set(d))"),
            Text(
                "You count an item that was drawn twice once. The estimate is right on average only if every draw counts.",
                "抽中两次的项你只算了一次。只有每次抽样都算，估计在平均意义上才对。",
            ),
        ),
    ),
)  # fmt: skip

QUESTIONS = (SPLIT, LIVE, SAMPLED)
