#!/usr/bin/env bash
# From a fresh clone to a calibrated stack: builds what is missing, runs the main job on the sample, says what it did.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
mkdir -p out
node bin/aster-timeseries.js run --backend local --archive fixtures/sample --product AST_L1T \
  --start 2001-01-01 --end 2006-12-31 --subsystem VNIR --index ndvi \
  --output out/ndvi.nc --quicklook out/ndvi.png --overwrite
printf '\nLook at out/ndvi.png, open out/ndvi.nc with xarray, QGIS or ncdump.\n'
