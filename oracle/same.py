#!/usr/bin/env python3
"""Compares stacks that must be the same.

    python3 oracle/same.py A.nc B.nc ... [--variable ndvi] [--chunks]

Values of every (time, y, x) variable, bit by bit, and their coordinates. With `--chunks` the stored chunks of every variable
byte by byte, and every attribute but those that say when and how the file came about.
"""
import argparse
import sys

import h5py
import numpy as np

from report import Report
from stack import across

OF_THE_RUN = {"history", "date_created", "aster_request"}


def datasets(f):
    return [n for n in f if isinstance(f[n], h5py.Dataset)]


def images(f):
    return [n for n in datasets(f) if f[n].ndim == 3]


def chunks(x):
    """(place, filters left out, bytes) of every stored chunk; an unchunked variable counts as one"""
    if x.chunks is None:
        return [((), 0, np.asarray(x[()]).tobytes() if not x.dtype.hasobject else repr(x[()]).encode())]
    stored = (x.id.get_chunk_info(i).chunk_offset for i in range(x.id.get_num_chunks()))
    if x.dtype.hasobject:       # chunks of texts hold addresses within the file
        return [((), 0, repr(x[()].tolist()).encode())]
    return [(at, *x.id.read_direct_chunk(at)) for at in sorted(stored)]


def attributes(x, but=()):
    """without the references between dimensions and variables, which are addresses"""
    return {k: repr(np.asarray(v).tolist()) for k, v in x.attrs.items()
            if k not in but and k not in ("DIMENSION_LIST", "REFERENCE_LIST")}


def compare_chunks(report, a, b):
    names = datasets(a)
    report.check(names == datasets(b), f"the same {len(names)} variables")
    for n in [n for n in names if n in b]:
        one, other = chunks(a[n]), chunks(b[n])
        different = sum(p != q for p, q in zip(one, other)) + abs(len(one) - len(other))
        size = sum(len(c[2]) for c in one)
        report.check(different == 0, f"{n}: {len(one)} chunks, {size} bytes, {different} different")
        report.check(attributes(a[n]) == attributes(b[n]), f"{n}: the same attributes")
    report.check(attributes(a, OF_THE_RUN) == attributes(b, OF_THE_RUN), f"the same global attributes but {', '.join(sorted(OF_THE_RUN))}")


def compare_values(report, a, b, variables):
    for n in (*across(a), "time"):
        same = a[n].shape == b[n].shape
        far = float(np.abs(a[n][:] - b[n][:]).max(initial=0)) if same else np.inf
        report.check(far < 1e-6, f"{n}: {a[n].shape} and {b[n].shape}, {far:.3g} apart")
    for n in variables or images(a):
        if not report.check(n in a and n in b, f"{n} is in both"):
            continue
        p, q = a[n][:], b[n][:]
        same = p.shape == q.shape and p.dtype == q.dtype and np.array_equal(p, q, equal_nan=p.dtype.kind == "f")
        report.check(same, f"{n}: {p.shape} and {q.shape}, {int(np.isfinite(p).sum())} and {int(np.isfinite(q).sum())} values, identical: {same}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stack", nargs="+")
    p.add_argument("--variable", action="append", default=[])
    p.add_argument("--chunks", action="store_true")
    a = p.parse_args()
    report = Report()
    with h5py.File(a.stack[0]) as first:
        for path in a.stack[1:]:
            with h5py.File(path) as other:
                report.note(f"{a.stack[0]} and {path}")
                compare_chunks(report, first, other) if a.chunks else compare_values(report, first, other, a.variable)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
