"""A small module of the user's own and images that it tells apart."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIDE = 12
FILE = """
import torch
from torch import nn

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)


class Net(nn.Module):
    def __init__(self, width=8, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.last = nn.Linear(width, classes)

    def forward(self, image):
        return self.last(self.norm(self.conv(image)).relu().mean((2, 3)))


def net(width: int = 8):
    torch.manual_seed(0)
    return Net(width)


def four():
    return Net(classes=4)


def flat():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(432, 8), nn.ReLU(), nn.Linear(8, 3))


def maps():
    return nn.Sequential(nn.Conv2d(3, 3, 3))
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(FILE)
    return f"{tmp_path / 'net.py'}:net"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Images whose class is the colour that they are mostly of."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 8), ("validation", 5), ("test", 5)):
        for colour in range(3):
            folder = tmp_path / "images" / split / ("red", "green", "blue")[colour]
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 120, (SIDE, SIDE, 3), dtype=np.uint8)
                pixels[..., colour] += 100
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "images"
