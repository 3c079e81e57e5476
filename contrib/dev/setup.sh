#!/usr/bin/env bash
# Everything a fresh clone needs on Debian 12: tmux and venv by apt (as root or through sudo), the rest in .venv.
# Safe to repeat; does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
missing=()
command -v tmux >/dev/null || missing+=(tmux)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if ((${#missing[@]})); then
    if [ "$(id -u)" = 0 ]; then
        as_root=()
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "setup: please run this once, then try again:  sudo apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: $("$python" --version) is too old; tmaxd needs Python 3.11 or newer (set PYTHON=...)" >&2
    exit 1
}

extra=${1:-}
stamp=.venv/.installed${extra:+-$extra}
if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -e ".${extra:+[$extra]}"
    touch "$stamp"
fi
