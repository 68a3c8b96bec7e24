#!/usr/bin/env python3
"""Granules of the sample's kind spread over 12 x 12 degrees of Australia, to see what a state-sized cube costs.

    python3 benches/state_area.py OUT_DIR [--n 200]

Small granules (7 x 7 km), so that the set takes a minute and 150 MB; a cube of them at 15 m has 8 billion pixels a time step all the same.
Needs the packages of oracle/requirements.txt. See README.md for the run and its figures.
"""
import argparse
import datetime as dt
import os
import sys

import numpy as np
from pyproj import Transformer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))
import landscape  # noqa: E402
import make_sample  # noqa: E402

WEST, SOUTH, SIDE = 132.0, -37.0, 12.0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("--n", type=int, default=200)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    make_sample.GROUND = landscape.Landscape()
    ground = make_sample.Granule("2003-01-06T00:57:55.220", "20150502210318", 102934, subsystems=("VNIR",))
    ground.make()
    rng = np.random.default_rng(12)
    for i in range(a.n):
        lon, lat = WEST + 0.2 + rng.random() * (SIDE - 0.4), SOUTH + 0.2 + rng.random() * (SIDE - 0.4)
        epsg = 32700 + int((lon + 180) // 6) + 1
        when = (dt.datetime(2000, 4, 2, 0, 57, 55) + dt.timedelta(days=16 * (i // 2), seconds=9 * (i % 2))).isoformat()
        g = make_sample.Granule(when, "20150502210318", 10000 + i, epsg=epsg, subsystems=("VNIR",))
        x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
        g.ulx, g.uly = round(x / 90) * 90, round(y / 90) * 90
        for name in ("bands", "cloud", "quadrants", "minmax", "megabytes"):
            setattr(g, name, getattr(ground, name))
        g.place()
        make_sample.write_hdf(g, a.out)


if __name__ == "__main__":
    main()
