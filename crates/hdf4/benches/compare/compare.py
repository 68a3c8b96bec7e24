#!/usr/bin/env python3
"""Times this reader, pyhdf and GDAL on the same files in one run: compare.py BENCH_READ FILE... [--runs 7]

BENCH_READ is the built example `bench_read`. Every measurement is a fresh process with a warm page cache; the readers
take turns, so a busy moment hits all of them. Times are taken inside the process, after a warm-up read of a small
file. Tasks: `reread`, the mean of twenty
512 x 512 windows of one band in an open file, all of them kept; `reuse`, the same windows, each dropped before the next (this
reader into one buffer, GDAL too; pyhdf's memory is numpy's, which may come back); `window`, opening the file and one window; `windows`, the same of every
band large enough; `bands`, opening the file and reading all bands whole into new memory; `each`, the same one band at a
time, dropping each before the next (this reader into one buffer, which the others cannot). Needs pyhdf in this Python and GDAL's bindings in the one named by --gdal-python.
"""
import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WARM = os.path.join(HERE, "..", "..", "tests", "fixtures", "swath.hdf")

PYHDF = """
import sys, time
from pyhdf.SD import SD
path, warm, task = sys.argv[1:4]
w = SD(warm); w.select(0).get()
class Size:
    def __init__(self, a): self.nbytes = a.nbytes
def report(out, n=1):
    print((time.perf_counter() - t) * 1e3 / n, (time.process_time() - c) * 1e3 / n, sum(a.nbytes for a in out))
if task in ("reread", "reuse"):
    f = SD(path)
    s = next(s for s in map(f.select, range(f.info()[0])) if s.info()[0].startswith("ImageData"))
    t, c = time.perf_counter(), time.process_time()
    keep = Size if task == "reuse" else lambda a: a
    report([keep(s.get(start=(100 + i % 4 * 1000, 100 + i // 4 * 1000), count=(512, 512))) for i in range(20)], 20)
    sys.exit()
t, c = time.perf_counter(), time.process_time()
f, out = SD(path), []
for i in range(f.info()[0]):
    s = f.select(i)
    name, rank, dims, kind, n = s.info()
    if not name.startswith("ImageData") or rank != 2: continue
    if task == "each": out.append(Size(s.get()))
    elif task == "bands": out.append(s.get())
    elif dims[0] >= 1024 and not (task == "window" and out): out.append(s.get(start=(dims[0] // 2, dims[1] // 2), count=(512, 512)))
report(out)
"""

GDAL = """
import sys, time
from osgeo import gdal
path, warm, task = sys.argv[1:4]
gdal.UseExceptions()
gdal.Open('HDF4_SDS:UNKNOWN:"%s":0' % warm).ReadRaster()
def report(out, n=1):
    print((time.perf_counter() - t) * 1e3 / n, (time.process_time() - c) * 1e3 / n, sum(len(a) for a in out))
if task in ("reread", "reuse"):
    d = gdal.Open('HDF4_SDS:UNKNOWN:"%s":%s' % (path, sys.argv[4].split(",")[0]))
    t, c = time.perf_counter(), time.process_time()
    room = bytearray(512 * 512) if task == "reuse" else None
    report([d.ReadRaster(100 + i // 4 * 1000, 100 + i % 4 * 1000, 512, 512, buf_obj=room) for i in range(20)], 20)
    sys.exit()
t, c = time.perf_counter(), time.process_time()
out = []
for i in sys.argv[4].split(","):
    d = gdal.Open('HDF4_SDS:UNKNOWN:"%s":%s' % (path, i))
    y, x = d.RasterYSize, d.RasterXSize
    if task == "each": out.append(range(len(d.ReadRaster())))
    elif task == "bands": out.append(d.ReadRaster())
    elif y >= 1024 and not (task == "window" and out): out.append(d.ReadRaster(x // 2, y // 2, 512, 512))
report(out)
"""


def run(command, **env):
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    if out.returncode:
        sys.exit(f"{command[0]}: {out.stderr.strip()[-400:]}")
    wall, cpu, size = out.stdout.split()
    return float(wall), float(cpu), int(float(size))


def band_indices(path):
    from pyhdf.SD import SD
    f = SD(path)
    return ",".join(str(i) for i in range(f.info()[0])
                    if f.select(i).info()[0].startswith("ImageData") and f.select(i).info()[1] == 2)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("bench_read")
    p.add_argument("files", nargs="+")
    p.add_argument("--runs", type=int, default=7)
    p.add_argument("--tasks", default="reread,reuse,window,windows,bands,each")
    p.add_argument("--gdal-python", default="/usr/bin/python3")
    a = p.parse_args()
    print("| file | task | ours, 1 thread: wall / cpu ms | ours, all threads | pyhdf | GDAL | pyhdf : ours | GDAL : ours |")
    print("|---|---|---|---|---|---|---|---|")
    for path in a.files:
        indices = band_indices(path)
        for task in a.tasks.split(","):
            readers = {
                "one": lambda: run([a.bench_read, path, task], RAYON_NUM_THREADS="1"),
                "all": lambda: run([a.bench_read, path, task]),
                "pyhdf": lambda: run([sys.executable, "-c", PYHDF, path, WARM, task]),
                "gdal": lambda: run([a.gdal_python, "-c", GDAL, path, WARM, task, indices]),
            }
            times = {name: [] for name in readers}
            for _ in range(a.runs):
                for name, measure in readers.items():
                    times[name].append(measure())
            if len({t[2] for ts in times.values() for t in ts}) != 1:
                sys.exit(f"the readers disagree about the size of the result: {times}")
            m = {n: (statistics.median(t[0] for t in ts), statistics.median(t[1] for t in ts)) for n, ts in times.items()}
            cell = lambda n: f"{m[n][0]:.2f} / {m[n][1]:.2f} (least {min(t[0] for t in times[n]):.2f})"
            ratio = lambda n: f"{m[n][0] / m['all'][0]:.2f} (1 thread {m[n][0] / m['one'][0]:.2f}), cpu {m[n][1] / m['all'][1]:.2f}"
            name = "/".join(path.split("/")[-2:])
            print(f"| {name} | {task} | {cell('one')} | {cell('all')} | {cell('pyhdf')} | {cell('gdal')} | {ratio('pyhdf')} | {ratio('gdal')} |",
                  flush=True)


if __name__ == "__main__":
    main()
