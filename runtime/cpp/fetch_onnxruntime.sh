#!/usr/bin/env bash
# Brings what the C++ host is built with together in one folder, installing nothing:
#
#     runtime/cpp/fetch_onnxruntime.sh FOLDER [PYTHON]
#     cmake -S runtime/cpp -B build -DONNXRUNTIME_ROOT=FOLDER -DCMAKE_PREFIX_PATH=FOLDER
#
# ONNX Runtime's headers and nlohmann-json come from Debian 13's packages, unpacked; the library is
# the one inside the onnxruntime package of PYTHON (python3). Needs apt and dpkg. Elsewhere, point
# ONNXRUNTIME_ROOT at a release of ONNX Runtime.
set -euo pipefail

: "${1:?A folder is wanted: fetch_onnxruntime.sh FOLDER [PYTHON]}"
folder=$(mkdir -p "$1" && cd "$1" && pwd)
python=${2:-python3}
suite=trixie

library=$("$python" - <<'PYTHON'
import importlib.util, pathlib, sys
found = importlib.util.find_spec("onnxruntime")
if found is None or not found.submodule_search_locations:
    sys.exit("This Python has no onnxruntime. Install it: pip install onnxruntime")
(library,) = pathlib.Path(found.submodule_search_locations[0], "capi").glob("libonnxruntime.so.1.*")
print(library)
PYTHON
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache,packages}/partial "$work/packages"
# The machine's own mirror of Debian, whatever suite it takes from there.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
    grep -m1 -E '/debian/?$' || true)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$work/sources.list"
options=(
    -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Acquire::Languages=none
    -o Acquire::Retries=3 -o APT::Sandbox::User=root
)
apt-get "${options[@]}" update
(cd "$work/packages" && apt-get "${options[@]}" download libonnxruntime-dev nlohmann-json3-dev)
for package in "$work"/packages/*.deb; do
    dpkg -x "$package" "$work/root"
done

mkdir -p "$folder/lib" "$folder/share"
cp -r "$work/root/usr/include" "$folder"
cp -r "$work/root/usr/share/cmake" "$folder/share"
ln -sf "$library" "$folder/lib/libonnxruntime.so.1"
ln -sf libonnxruntime.so.1 "$folder/lib/libonnxruntime.so"
