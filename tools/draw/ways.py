"""Measure how people write digits: `python -m tools.draw.ways STROKES` writes the table of ways, `ways.json`.

STROKES is a gzipped JSON list of digits that people wrote with a pen: `{"digit", "writer", "strokes"}`, each stroke a
list of points [x, y], y downward. It is not part of the project. Digits with equally many strokes are grouped by the
course of the pen (k-means). Of each group only the mean and the principal components are kept, rounded, and only
where it has at least 25 digits of at least 5 people, so that no row is one person's stroke. The rows without writers
were set by hand, for ways that are common elsewhere: key points, moved at random, with a smooth curve through them,
and reduced to mean and principal components like the others. They, and their shares, stay as they are.
"""

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from tools.draw.digits import TABLE, Points, Way, read_ways

Record = dict[str, Any]

POINTS, MODES = 20, 6  # of each way
PER_GROUP, MOST_GROUPS = 70, 8  # digits in a group, and groups for the digits with equally many strokes, about
LEAST_SAMPLES, LEAST_WRITERS = 25, 5
# The writers measured are few, and of one country: rare ways are drawn more often than they were counted.
EVENNESS = 0.6


def normalize(strokes: Sequence[Any]) -> list[Points]:
    """Move a digit's middle to 0 and scale its longer side to run from -1 to 1."""
    arrays = [np.asarray(stroke, dtype=float) for stroke in strokes]
    points = np.concatenate(arrays)
    low, high = points.min(axis=0), points.max(axis=0)
    return [2 * (array - (low + high) / 2) / max((high - low).max(), 1e-6) for array in arrays]


def distances(stroke: Points) -> Points:
    """Return how far the pen has come at each point."""
    return np.concatenate([[0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])


def resample(stroke: Points, count: int) -> Points:
    """Place points at equal distances along a stroke.

    Shapes: [points, 2] gives [count, 2].
    """
    path = distances(stroke)
    at = np.linspace(0, path[-1], count)
    return np.stack([np.interp(at, path, axis) for axis in stroke.T], axis=1)


def measure_group(digit: int, group: Sequence[Record]) -> list[Way]:
    """Find the ways within the digits that have equally many strokes; their shares are counts."""
    shapes = [normalize(record["strokes"]) for record in group]
    lengths = np.median([[distances(stroke)[-1] for stroke in shape] for shape in shapes], axis=0)
    counts = np.maximum(4, np.round(POINTS * lengths / lengths.sum())).astype(int)
    X = np.stack([np.concatenate(list(map(resample, shape, counts))).ravel() for shape in shapes])
    writers = np.array([record["writer"] for record in group])
    k = int(np.clip(len(group) // PER_GROUP, 1, MOST_GROUPS))
    cluster = KMeans(k, n_init=4, random_state=0).fit_predict(X)
    ways = []
    for index in range(k):
        mine = cluster == index
        samples, people = int(mine.sum()), len(set(writers[mine]))
        if samples < LEAST_SAMPLES or people < LEAST_WRITERS:
            continue
        offset = ((X[mine] - np.median(X[mine], axis=0)) ** 2).sum(axis=1)
        pca = PCA(MODES).fit(X[mine][offset <= np.quantile(offset, 0.97)])  # a slip of the pen is no way of writing
        modes = pca.components_ * np.sqrt(pca.explained_variance_)[:, None]
        mean, modes = (np.round(100 * values).astype(int).tolist() for values in (pca.mean_, modes))
        ways.append(Way(digit, samples, people, samples, counts.tolist(), mean, modes))
    return ways


def without_bar(way: Way) -> Way:
    """Leave the shorter stroke of a 7 away: elsewhere, most people write it without a bar."""
    start = sum(way.points[: int(np.argmax(way.points))])
    kept = slice(2 * start, 2 * (start + max(way.points)))
    return way._replace(points=[max(way.points)], mean=way.mean[kept], modes=[mode[kept] for mode in way.modes])


def measure(records: Sequence[Record]) -> list[Way]:
    """Compute the table of ways from recorded digits, and add the ways that were set by hand."""
    table = []
    for digit in range(10):
        mine = [record for record in records if record["digit"] == digit]
        ways = []
        for count in sorted({len(record["strokes"]) for record in mine}):
            group = [record for record in mine if len(record["strokes"]) == count]
            if len(group) >= LEAST_SAMPLES:
                ways += measure_group(digit, group)
        if digit == 7:
            # Elsewhere most people write it without a bar: half of them lose it.
            halves = [way._replace(share=way.share / 2) for way in ways if len(way.points) == 2]
            ways = [way for way in ways if len(way.points) != 2] + halves + [without_bar(way) for way in halves]
        others = [way for way in read_ways() if way.digit == digit and not way.writers]  # set by hand
        weights = np.array([way.share**EVENNESS for way in ways])
        shares = ((1 - sum(way.share for way in others)) * weights / weights.sum()).round(4).tolist()
        table += [way._replace(share=share) for way, share in zip(ways, shares, strict=True)] + others
    return table


def read_strokes(path: Path) -> list[Record]:
    """Read recorded digits."""
    with gzip.open(path) as file:
        return json.load(file)


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.draw.ways", description=__doc__)
    parser.add_argument("strokes", type=Path)
    table = measure(read_strokes(parser.parse_args().strokes))
    rows = (json.dumps(way._asdict(), separators=(",", ":")) for way in table)
    TABLE.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="ascii")
    print(f"{len(table)} ways written to {TABLE}")


if __name__ == "__main__":
    main()
