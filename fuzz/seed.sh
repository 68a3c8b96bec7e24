#!/bin/sh
# Makes the starting corpora from a folder of HDF4 files (they are not part of the repository).
# usage: fuzz/seed.sh [DATA_FOLDER]     default: $ASTER_SHARED_DATA, else ../shared/data beside the repository
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${1:-${ASTER_SHARED_DATA:-$here/../../shared/data}}
mkdir -p "$here/corpus/open" "$here/corpus/codecs" "$here/corpus/odl"
cp "$here"/../crates/hdf4/tests/fixtures/*.hdf "$here/corpus/open/"
if [ -d "$data" ]; then
    # Small files only: a mutation of a large one costs more than it finds.
    find "$data" -type f \( -name '*.hdf' -o -name '*.HDF' \) -size -400k | while read -r file; do
        cp "$file" "$here/corpus/open/$(echo "$file" | cksum | cut -d' ' -f1)-$(basename "$file")"
    done
else
    echo "seed.sh: no folder $data; only the fixtures are used" >&2
fi
# Stretches of real files serve as streams, and their text as metadata.
for file in "$here"/corpus/open/*; do
    name=$(basename "$file")
    for coder in 1 2 3 4; do
        { printf "\\00$coder\\001\\020\\000"; tail -c +400 "$file" | head -c 2000; } > "$here/corpus/codecs/$coder-$name"
    done
    strings -n 12 "$file" | grep -E '=|GROUP|OBJECT|END' | head -c 8000 > "$here/corpus/odl/$name.txt" || true
    [ -s "$here/corpus/odl/$name.txt" ] || rm -f "$here/corpus/odl/$name.txt"
done
echo "seeds: $(ls "$here/corpus/open" | wc -l) files, $(ls "$here/corpus/codecs" | wc -l) streams, $(ls "$here/corpus/odl" | wc -l) texts"
