"""Small blocks to measure in place of a model: what most are built of. `[batch, sequence, hidden]` in and out."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional

HEAD = 64  # features of a head, where the width has as many


class MLP(nn.Module):
    """Up to four times the width, GELU, down again."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Shape of x."""
        out: Tensor = self.down(functional.gelu(self.up(x)))
        return out


class Attention(nn.Module):
    """Self-attention through `scaled_dot_product_attention`, heads of 64 features."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.heads = max(1, hidden // HEAD)
        self.query, self.key, self.value, self.out = (nn.Linear(hidden, hidden) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Shape of x."""
        parts = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        out: Tensor = self.out(functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))
        return out


class Encoder(nn.Module):
    """A transformer encoder layer that normalises first."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.attention, self.mlp = Attention(hidden), MLP(hidden)
        self.before_attention, self.before_mlp = nn.LayerNorm(hidden), nn.LayerNorm(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Shape of x."""
        x = x + self.attention(self.before_attention(x))
        out: Tensor = x + self.mlp(self.before_mlp(x))
        return out


BLOCKS: Mapping[str, Callable[[int], nn.Module]] = {"mlp": MLP, "attention": Attention, "encoder": Encoder}
"""The blocks by name, each made from its width."""
