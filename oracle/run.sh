#!/usr/bin/env bash
# Runs the built command line and has every output checked by the oracles; the last line counts. Exit status 1 if a check failed.
#   bash oracle/run.sh [-v] [--keep DIR] [NAME...]     NAME: beginning of the name of a case, such as north or sample/ndvi
# ASTER_PYTHON: a Python with oracle/requirements.txt; ASTER_SHARED_DATA: folder with aster-like/ and aster-l1t-cog/.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "${ASTER_PYTHON:-python3}" "$here/run.py" "$@"
