"""The recurrent baseline: an LSTM carries one state from event to event, where attention looks at all of them again.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks" (ICLR 2016), https://arxiv.org/abs/1511.06939
(theirs is a GRU); the cell is ``torch.nn.LSTM``.
"""

from __future__ import annotations

from torch import Tensor, nn


class LSTMBlock(nn.Module):
    """One LSTM layer over the events, added to what came in; what it keeps is a state of two vectors, of any history.

    Args:
        width, dropout: as ``SASRecBlock``.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.norm, self.cell, self.dropout = nn.LayerNorm(width), nn.LSTM(width, width, batch_first=True), nn.Dropout(dropout)

    def forward(
        self, x: Tensor, times: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x float [b, l, d] -> the same shape, and the state after the last event; the times count nothing."""
        out, state = self.cell(self.norm(x), past)
        return x + self.dropout(out), state
