#!/usr/bin/env bash
# Rates on one GPU, and whether it finds the same front as NumPy. Run in a checkout on a machine with an NVIDIA
# GPU and Python 3.11 or newer: `bash tests/bench/gpu.sh`; a few minutes, and it leaves gpu.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
# shellcheck disable=SC1091
source "$place/venv/bin/activate"
python -m pip install -q '.[jax]' 'jax[cuda12]'
grid=peak_flops=30,sram=30,sram_bandwidth_per_byte=30,link_bandwidth=30,dram_stacks=6

{
  date --utc
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  echo "== design points a second, whole cost model"
  dse bench --seconds 20 --format json
  dse bench --backend jax --seconds 30 --format json
  echo "== a sweep of 1.05e10 points, the same one twice: the second is compiled from the cache of the driver"
  for turn in 1 2; do
    time dse sweep groq-vs-h100 --backend jax --grid "$grid" --quiet --out "$place/fine-$turn" | tail -n 2
  done
  echo "== the same front as NumPy, on the grid of the space"
  dse sweep groq-vs-h100 --quiet --out "$place/numpy" | tail -n 2
  dse sweep groq-vs-h100 --backend jax --quiet --out "$place/jax" | tail -n 2
  cmp "$place/numpy/front.csv" "$place/jax/front.csv" && echo "identical"
} 2>&1 | tee gpu.txt
