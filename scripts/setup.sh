#!/usr/bin/env bash
# Makes a fresh clone ready: system libraries where it may, Node packages, the native addon. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $1"; say "  hint: $2"; exit 1; }

need() { command -v "$1" >/dev/null 2>&1 || stop "$1 is missing" "$2"; }
need node "install Node 20.17 or newer: https://nodejs.org"
need npm "npm comes with Node"
need cargo "install Rust: https://rustup.rs"
need c++ "install a C/C++ compiler, for example: apt-get install build-essential"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 17) ? 0 : 1)' ||
  stop "Node $(node --version) is too old" "install Node 20.17 or newer"

# Debian packages, by the command or pkg-config module that shows they are there.
missing=()
have_module() { command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1"; }
command -v cmake >/dev/null 2>&1 || missing+=(cmake)
command -v pkg-config >/dev/null 2>&1 || missing+=(pkg-config)
if [ -z "${ASTER_BUNDLED_GDAL:-}" ]; then
  have_module gdal || missing+=(libgdal-dev)
fi
if [ "${1:-}" = "--for-tests" ]; then
  command -v gdalinfo >/dev/null 2>&1 || missing+=(gdal-bin)
  command -v ncdump >/dev/null 2>&1 || missing+=(netcdf-bin)
  command -v python3 >/dev/null 2>&1 || missing+=(python3)
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || missing+=(python3-venv)
fi
if [ "${#missing[@]}" -gt 0 ]; then
  line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if ! command -v apt-get >/dev/null 2>&1; then
    stop "missing: ${missing[*]}" "install them with your package manager (macOS: brew install gdal cmake pkg-config), or build GDAL in: ASTER_BUNDLED_GDAL=1 npm run demo (about 40 minutes on two cores)"
  elif [ "$(id -u)" = 0 ]; then
    say "installing ${missing[*]}"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >/tmp/aster-apt.log 2>&1 ||
      { tail -5 /tmp/aster-apt.log >&2; stop "apt-get failed" "see /tmp/aster-apt.log"; }
  elif sudo -n true 2>/dev/null; then
    say "installing ${missing[*]} with sudo"
    sudo -n sh -c "$line" >&2
  else
    stop "missing: ${missing[*]}" "type: sudo sh -c '$line' (or build GDAL in: ASTER_BUNDLED_GDAL=1 npm run demo, about 40 minutes on two cores)"
  fi
fi

if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say "installing Node packages"
  npm ci --no-audit --no-fund --loglevel=error >&2
fi

# The Node build names its target; with the same name here, tests and lint reuse its compiled libraries.
export CARGO_BUILD_TARGET="${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}"

say "building the native addon (a few minutes the first time: HDF5 is compiled in)"
features=()
[ -z "${ASTER_BUNDLED_GDAL:-}" ] || features=(--no-default-features --features bundled-gdal)
npx --no-install napi build --platform --release --manifest-path crates/aster-node/Cargo.toml \
  --output-dir . --dts index.d.ts --no-js ${features[@]+"${features[@]}"} -- --locked >&2
npm run --silent build:ts >&2
