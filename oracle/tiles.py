#!/usr/bin/env python3
"""Checks that tiles make up the stack of one run, with netCDF4, xarray and pyproj.

    python3 oracle/tiles.py WHOLE.nc TILE.nc ... [--names]

WHOLE.nc is one run over the area of all tiles, cut to it. Every pixel with a value in it is in exactly one tile, with the same bits, and
no tile has another. With `--names`, each value also lies in the box of degrees that its tile's file is named after.
"""
import argparse
import re
import sys

import netCDF4
import numpy as np
import xarray
from pyproj import CRS, Transformer

from report import Report


def images(f):
    return [n for n, v in f.variables.items() if v.ndim == 3]


def values(f, name):
    f.set_auto_mask(False)
    return f[name][:]


def place(whole, part, axis):
    """index in `whole` of each coordinate of `part` that it has, and which those are"""
    w, p = whole[axis][:].data, part[axis][:].data
    step = (w[-1] - w[0]) / (len(w) - 1)
    at = (p - w[0]) / step
    index = np.rint(at).astype(int)
    return index, (index >= 0) & (index < len(w)), float(np.abs(at - index).max())


def box_of(path):
    numbers = re.search(r"_(-?[\d.]+)_(-?[\d.]+)_(-?[\d.]+)_(-?[\d.]+)\.nc$", path)
    return tuple(float(n) for n in numbers.groups())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whole")
    parser.add_argument("tiles", nargs="+")
    parser.add_argument("--names", action="store_true")
    given = parser.parse_args()
    report = Report()
    whole = netCDF4.Dataset(given.whole)
    times = [str(t) for t in xarray.open_dataset(given.whole).time.values]
    crs = next(v for v in whole.variables.values() if "crs_wkt" in v.ncattrs()).crs_wkt
    for name in images(whole):
        expected = values(whole, name)
        union = np.full(expected.shape, np.nan, expected.dtype)
        owners = np.zeros(expected.shape, np.uint8)
        outside = apart = misplaced = 0
        for path in given.tiles:
            part = netCDF4.Dataset(path)
            of = [times.index(str(t)) for t in xarray.open_dataset(path).time.values]
            (rows, row_in, off_y), (columns, column_in, off_x) = place(whole, part, "y"), place(whole, part, "x")
            apart = max(apart, off_x, off_y)
            found = values(part, name)
            there = ~np.isnan(found)
            outside += int(there[:, ~row_in, :].sum() + there[:, :, ~column_in].sum())
            if given.names:
                misplaced += strays(part, there, crs, box_of(path))
            r, c = np.ix_(rows[row_in], columns[column_in])
            for k, t in enumerate(of):
                one = found[k][row_in][:, column_in]
                has = ~np.isnan(one)
                owners[t, r, c] += has
                union[t, r, c] = np.where(has, one, union[t, r, c])
        wanted = ~np.isnan(expected)
        report.check(wanted.sum() > 0, f"{name}: {wanted.sum()} pixels with a value in one run")
        report.check(apart < 1e-6, f"{name}: one lattice, tiles are {apart:.1e} pixel off it")
        report.check(outside == 0, f"{name}: {outside} values of tiles beyond it")
        report.check((owners > 1).sum() == 0, f"{name}: {(owners > 1).sum()} pixels in two tiles")
        report.check((owners[wanted] == 0).sum() == 0, f"{name}: {(owners[wanted] == 0).sum()} pixels in no tile")
        same = union.view(np.uint32)[wanted] == expected.view(np.uint32)[wanted]
        report.check(bool(same.all()), f"{name}: {(~same).sum()} values of other bits")
        report.check(owners[~wanted].sum() == 0, f"{name}: {owners[~wanted].sum()} values where one run has none")
        if given.names:
            report.check(misplaced == 0, f"{name}: {misplaced} values outside of the box of their tile")
    return report.end()


def strays(part, there, crs, box):
    """values whose pixel centre lies outside of a box of degrees, by PROJ"""
    west, south, east, north = box
    x, y = np.meshgrid(part["x"][:].data, part["y"][:].data)
    lon, lat = Transformer.from_crs(CRS.from_wkt(crs), "EPSG:4326", always_xy=True).transform(x, y)
    slack = 2e-7                        # two centimetres: the sides of a tile are followed to a thousandth of a pixel
    beyond = (lon < west - slack) | (lon > east + slack) | (lat < south - slack) | (lat > north + slack)
    return int(there[:, beyond].sum())


if __name__ == "__main__":
    sys.exit(main())
