#!/bin/sh
# Builds the tools into $BENCH_OUT (default: out/ beside this file). Nothing else is written.
set -eu
here=$(cd "$(dirname "$0")" && pwd); out=${BENCH_OUT:-$here/out}; mkdir -p "$out"
for t in gen forward nd fw; do "${CC:-gcc}" -O2 -Wall -Wextra -pthread -o "$out/$t" "$here/$t.c"; done
echo "built gen, forward, nd, fw in $out"
