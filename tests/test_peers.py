"""The comparison with other libraries: its clock, its tables, and what the README says of it."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tools.proof import peers, record
from tools.proof.peers import BEST, PLAIN, Judge, sentence, table, time_to, with_tables


def _easy(n):
    """Pictures whose class is told by one bright column."""
    y = torch.arange(n) % 10
    X = torch.zeros(n, 1, 28, 28)
    X[torch.arange(n), 0, :, y] = 1
    return TensorDataset(X, y)


def test_the_clock_stands_while_the_network_is_judged_and_keeps_the_first_time():
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    judge = Judge(model, DataLoader(_easy(100), batch_size=50), (0.0, 1.1))
    assert judge.trained(2.0, 10) is False
    assert judge.trained(3.0, 10) is False
    assert (judge.seconds, judge.batches) == (5.0, 20)
    assert judge.reached == {0.0: (2.0, 10)}


def test_a_better_recipe_is_good_after_fewer_batches():
    data, test_loader = _easy(1280), DataLoader(_easy(100), batch_size=50)
    best = time_to(BEST, data, test_loader, targets=(0.65, 0.85), epochs=3)
    assert best.keys() == {0.65, 0.85}
    assert best[0.65][1] <= best[0.85][1] <= 60
    assert 0 < best[0.65][0] <= best[0.85][0]
    assert time_to(PLAIN, data, test_loader, targets=(0.85,), epochs=1) == {}


def test_the_loops_here_end_with_the_same_weights():
    data = _easy(320)
    for name in (peers.OURS, peers.TUTORIAL):
        assert peers.identical(peers.LOOPS[name](data), peers.benchmark.raw_loop(data))


def test_a_loop_that_did_other_work_is_named(monkeypatch):
    lazy = {peers.OURS: peers.benchmark.our_loop, peers.TUTORIAL: peers.benchmark.raw_loop}
    lazy["lazy"] = lambda data: peers.benchmark.build()[0].state_dict()
    monkeypatch.setattr(peers, "LOOPS", lazy)
    rows, different = peers.one_epoch(_easy(128), _easy(128), 1)
    assert different == ["lazy", "lazy, torchvision"]
    assert [row["one epoch"] for row in rows] == [*lazy, peers.FLOOR]


def test_each_repeat_begins_with_another_loop(monkeypatch):
    ran = []
    monkeypatch.setattr(peers.benchmark, "matrix_products", lambda pictures: None)
    loops = {name: lambda name=name: ran.append(name) for name in "abc"}
    seconds, _ = peers.benchmark.time_in_turn(loops, 4)
    assert "".join(ran) == "abcbcacababc"
    assert [len(times) for times in seconds.values()] == [4, 4, 4]


def test_tables_stand_between_the_markers_and_can_be_written_again():
    page = f"before\n{peers.BEGIN}\nold\n{peers.END}\nafter\n"
    once = with_tables(page, table([{"loop": "ours", "seconds": 1.5, "batches": 1200}]))
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "| loop | seconds | batches |\n| --- | ---: | ---: |\n| ours | 1.50 | 1,200 |" in once
    assert "old" not in once
    assert with_tables(once, "new") == with_tables(page, "new")
    with pytest.raises(ValueError, match="Expected the lines"):
        with_tables("no markers", "new")
    assert "24 times sooner" in sentence(24.2)
    assert "did not reach" in sentence(None)


def test_the_readme_says_what_was_recorded():
    readme = peers.README.read_text(encoding="utf-8")
    assert readme.count(peers.BEGIN) == readme.count(peers.END) == 1
    if "peers-epoch" in record.read_all():
        assert with_tables(readme, peers.from_records()) == readme, "run `make peers`"


def test_every_peer_is_bounded():
    lines = peers.REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert len(packages) == 3
    assert all(">=" in line and "," in line and "<" in line for line in packages)
