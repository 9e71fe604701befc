"""Many users at once: the beam search of ``beam``, and the chance of every product, in tensors.

Held equal to ``beam.beam_search`` and to each other by ``tests/recommend/test_generative.py``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from course_lib.language.training import device_of
from course_lib.recommend.generative.network import CodeNetwork
from course_lib.recommend.generative.trie import Trie

TOKENS = 1 << 16  #: places of words that are computed at a time


class Steps:
    """A trie as tables: of each depth int64 [nodes, size of the place], the node that a code leads to, or −1.

    Memory: 8 bytes × nodes × size for each depth (24 MB for 12,000 products and 256 codes).
    """

    def __init__(self, trie: Trie, sizes: tuple[int, ...], device: torch.device):
        self.tables = []
        for depth, size in enumerate(sizes):
            starts, codes = trie.starts[depth], trie.codes[depth]
            table = np.full((len(starts) - 1, size), -1, dtype=np.int64)
            table[np.repeat(np.arange(len(starts) - 1), np.diff(starts)), codes] = np.arange(len(codes))
            self.tables.append(torch.from_numpy(table).to(device))
        self.prefixes = [torch.from_numpy(trie.prefixes(depth)).to(device) for depth in range(trie.length)]
        self.items = torch.from_numpy(trie.items).to(device)

    def allowed(self, words: Tensor) -> list[Tensor]:
        """For words int64 [n, length] of the trie and each place: bool [n, size], what may follow the codes before it."""
        nodes, found = torch.zeros(len(words), dtype=torch.long, device=words.device), []
        for table, codes in zip(self.tables, words.T):
            found.append(table[nodes] >= 0)
            nodes = table[nodes, codes]
        return found

    def log_shares(self, depth: int, nodes: Tensor, scores: Tensor) -> Tensor:
        """log softmax over the codes that lead on from each node; −inf for the others."""
        return scores.float().masked_fill(self.tables[depth][nodes] < 0, float("-inf")).log_softmax(dim=-1)


def beams(network: CodeNetwork, hidden: Tensor, trie: Trie, width: int, n_items: int) -> np.ndarray:
    """float32 [n, n_items]: log chances of the items that such a search finds for hidden float [n, d], −inf elsewhere."""
    steps = Steps(trie, network.item.sizes, device_of(network))
    return np.concatenate(
        [_beams(network, part, steps, width, n_items) for part in hidden.split(max(1, TOKENS // (width * trie.length)))]
    )


def _beams(network: CodeNetwork, hidden: Tensor, steps: Steps, width: int, n_items: int) -> np.ndarray:
    n = len(hidden)
    nodes, score = torch.zeros(n, 1, dtype=torch.long, device=hidden.device), torch.zeros(n, 1, device=hidden.device)
    for depth, table in enumerate(steps.tables):
        kept = nodes.shape[1]
        flat = nodes.flatten().clamp(min=0)
        given = network.spell(hidden.repeat_interleave(kept, dim=0), steps.prefixes[depth][flat])[-1]
        shares = steps.log_shares(depth, flat, given).view(n, kept, -1)
        total = (score[:, :, None] + shares).masked_fill(nodes[:, :, None] < 0, float("-inf")).flatten(1)
        score, best = total.topk(min(width, total.shape[1]), dim=1)
        below = table[flat].view(n, -1).gather(1, best)
        nodes = below.masked_fill(score == float("-inf"), -1)  # fewer words than beams
    found = torch.full((n, n_items + 1), float("-inf"), device=hidden.device)
    places = torch.where(nodes < 0, n_items, steps.items[nodes.clamp(min=0)])
    return found.scatter_(1, places, score)[:, :n_items].cpu().numpy()


def every_item(network: CodeNetwork, hidden: Tensor, trie: Trie, n_items: int) -> np.ndarray:
    """float32 [n, n_items]: the log chance of every item of the trie for hidden float [n, d], −inf for items outside it.

    The words' beginnings that differ in their last number alone are spelled once.
    """
    steps = Steps(trie, network.item.sizes, device_of(network))
    prefixes = steps.prefixes[-1]
    # The node of each beginning at every depth, and each leaf's place among (beginning, last number).
    paths = [torch.zeros(len(prefixes), dtype=torch.long, device=hidden.device)]
    for depth in range(trie.length - 1):
        paths.append(steps.tables[depth][paths[-1], prefixes[:, depth]])
    node, number = torch.nonzero(steps.tables[-1] >= 0, as_tuple=True)
    leaf = steps.tables[-1][node, number]
    found = np.full((len(hidden), n_items), -np.inf, dtype=np.float32)
    row = 0
    for part in hidden.split(max(1, TOKENS // prefixes.numel() if prefixes.numel() else TOKENS)):
        many = len(prefixes)
        spelled = network.spell(part.repeat_interleave(many, dim=0), prefixes.repeat(len(part), 1))
        total = torch.zeros(len(part), many, device=hidden.device)
        for depth, scores in enumerate(spelled[:-1]):
            shares = steps.log_shares(depth, paths[depth].repeat(len(part)), scores)
            total += shares.gather(1, prefixes[:, depth].repeat(len(part))[:, None]).view(len(part), many)
        last = steps.log_shares(trie.length - 1, paths[-1].repeat(len(part)), spelled[-1]).view(len(part), many, -1)
        found[row : row + len(part), steps.items[leaf].cpu().numpy()] = (total[:, node] + last[:, node, number]).cpu().numpy()
        row += len(part)
    return found
