"""What lies in each cell of a picture: the tower's own lessons, of which nothing is shipped."""

from __future__ import annotations

import numpy as np

from nano_v_training.naming import COLOURS, KINDS
from nano_v_training.scenes import Scene, third

__all__ = ["CELL_CLASSES", "UNKNOWN", "label_cells"]

UNKNOWN = -100
# Classes of each label: kinds and colours with one for none, thirds of the picture.
CELL_CLASSES = (len(KINDS) + 1, len(COLOURS) + 1, 9)


def label_cells(scene: Scene, grid: int) -> tuple[np.ndarray, np.ndarray]:
    """Label the grid x grid cells of the fitted square by the things whose middle they hold.

    Return classes int64 [cells, 3], UNKNOWN where they are not decided, and the middle's place in
    its cell, float32 [cells, 2] from -1 to 1, NaN where there is no thing.
    """
    classes = np.zeros((grid * grid, 3), np.int64)
    classes[:, 2] = UNKNOWN
    places = np.full((grid * grid, 2), np.nan, np.float32)
    for thing in scene.things:
        column, row = int(thing.x * grid), int(thing.y * grid)
        cell = row * grid + column
        if classes[cell, 0]:
            classes[cell], places[cell] = UNKNOWN, np.nan
            continue
        where = third(thing, scene)
        kind, colour = KINDS.index(thing.kind) + 1, COLOURS.index(thing.colour) + 1
        classes[cell] = kind, colour, UNKNOWN if where is None else where
        places[cell] = 2 * (thing.x * grid - column) - 1, 2 * (thing.y * grid - row) - 1
    return classes, places
