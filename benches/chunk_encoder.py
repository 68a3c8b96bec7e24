#!/usr/bin/env python3
"""The chunk encoder against netCDF4-python, level 4 with shuffle, on the same float32 chunks in one run.

    cargo build --release -p aster-core --example bench_deflate
    python3 benches/chunk_encoder.py --encoder target/.../examples/bench_deflate ndvi.nc:ndvi [more.nc:variable ...]

Chunks of 1 x 512 x 512 that hold a value are taken from the variables, edges filled up with NaN. netCDF4-python writes them to a file
in --folder, at level 4 and without compression, round after round; the best processor times count. The encoder
makes streams in memory, of shuffled bytes and of whole values, so the time of the uncompressed file is added to its own: that is what a whole file would take at most.
"""
import argparse
import os
import re
import subprocess
import tempfile
import time

import netCDF4
import numpy as np

SIDE = 512


def chunks_of(source, most):
    """(n, 512, 512) float32, evenly taken where there are more than `most`."""
    path, name = source.rsplit(":", 1)
    found = []
    with netCDF4.Dataset(path) as dataset:
        variable = dataset[name]
        variable.set_auto_maskandscale(False)
        steps, height, width = variable.shape
        for t in range(steps):
            image = variable[t].astype("f4", copy=False)
            for y in range(0, height, SIDE):
                for x in range(0, width, SIDE):
                    part = image[y : y + SIDE, x : x + SIDE]
                    if np.isnan(part).all():
                        continue
                    chunk = np.full((SIDE, SIDE), np.nan, "f4")
                    chunk[: part.shape[0], : part.shape[1]] = part
                    found.append(chunk)
    step = max(1, -(-len(found) // most))
    return np.stack(found[::step])


def write(chunks, path, level):
    """Processor seconds and bytes of the compressed chunks' file."""
    start = time.process_time()
    with netCDF4.Dataset(path, "w") as dataset:
        dataset.createDimension("time", len(chunks))
        dataset.createDimension("y", SIDE)
        dataset.createDimension("x", SIDE)
        options = {"zlib": True, "complevel": level, "shuffle": True} if level else {}
        variable = dataset.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, SIDE, SIDE),
                                          fill_value=np.float32(np.nan), **options)
        variable.set_auto_maskandscale(False)
        for i, chunk in enumerate(chunks):
            variable[i] = chunk
    seconds = time.process_time() - start
    return seconds, os.path.getsize(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="FILE:VARIABLE")
    parser.add_argument("--encoder", required=True, help="the built example bench_deflate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=48, help="at most so many of each variable")
    parser.add_argument("--folder", default=None, help="where files are written; memory-backed is best")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}")
    for source in options.sources:
        chunks = chunks_of(source, options.chunks)
        megabytes = chunks.nbytes / 1e6
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            raw = os.path.join(folder, "chunks.f32")
            chunks.astype("<f4").tofile(raw)
            best = {}
            for _ in range(options.rounds):
                for level in (4, 0):
                    seconds, size = write(chunks, os.path.join(folder, "bench.nc"), level)
                    best[level] = min(best.get(level, (seconds, size)), (seconds, size))
                output = subprocess.run([options.encoder, raw, "f32", "3"], check=True, capture_output=True, text=True).stdout
                for name in ("ours", "repeats, plain"):
                    found = re.search(rf"^{name} +([\d.]+) MB/s +([\d.]+) MB", output, re.MULTILINE)
                    ours = (megabytes / float(found[1]), float(found[2]) * 1e6)
                    best[name] = min(best.get(name, ours), ours)
        (theirs, size), (plain, _) = best[4], best[0]
        print(f"{source}: {len(chunks)} chunks, {megabytes:.1f} MB")
        print(f"  netCDF4-python, level 4: {theirs:.3f} s, {megabytes / theirs:.0f} MB/s, {size / 1e6:.3f} MB")
        print(f"  netCDF4-python, plain:   {plain:.3f} s")
        for name, label in (("ours", "shuffled"), ("repeats, plain", "whole")):
            encode, length = best[name]
            print(f"  ours, {label + ':':18} {encode:.3f} s, {megabytes / encode:.0f} MB/s, {length / 1e6:.3f} MB;"
                  f" ratio of time {theirs / encode:.1f}, with a plain file's time added {theirs / (encode + plain):.1f};"
                  f" of size {length / size:.4f}")
        print("  " + output.strip().replace("\n", "\n  "))


if __name__ == "__main__":
    main()
