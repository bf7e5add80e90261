"""On the original photographs the plain recipe of the Quickstart reaches what everybody reports."""

import os

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import ToTensor

from helpers.data import InMemoryDataset, dataset_root
from helpers.training import evaluate, train_epoch

pytestmark = pytest.mark.skipif(
    not os.environ.get("COURSE_MIRROR"),
    reason="needs the photographs: set COURSE_MIRROR to a folder or an address that holds FashionMNIST/*.gz "
    "(the archives that dataset_root('FashionMNIST', 'original') downloads)",
)


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    root = dataset_root("FashionMNIST", "original")

    def load(*, train):
        return InMemoryDataset(datasets.FashionMNIST(root=root, train=train, download=True, transform=ToTensor()))

    return load(train=True), load(train=False)


def test_plain_recipe_reaches_the_published_figures(photographs):
    train_data, test_data = photographs
    assert (len(train_data), len(test_data)) == (60_000, 10_000)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    loader = DataLoader(train_data, batch_size=64, shuffle=True, generator=torch.Generator().manual_seed(0))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(5):
        train_epoch(model, loader, loss_fn, optimizer)
    result = evaluate(model, DataLoader(test_data, batch_size=64), loss_fn)
    print(f"plain recipe on the photographs: accuracy {result.accuracy:.4f}, average loss {result.loss:.4f}")
    assert 0.64 <= result.accuracy <= 0.66
    assert 1.05 <= result.loss <= 1.10
