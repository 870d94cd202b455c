#!/usr/bin/env bash
# What the tests use beside the virtual environment: a browser, and the published client in an environment
# of its own. Whatever cannot be had is named, and the tests that need it are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

published=.venv-published
wanted=flyte==2.12.1

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if ! browser >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests ..." >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null || true
  fi
  browser >/dev/null || echo "No Chromium (Debian: apt-get install chromium): the browser tests are skipped." >&2
fi

for shell in zsh fish; do
  if ! command -v "$shell" >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$shell" >/dev/null 2>&1 || true
    fi
    command -v "$shell" >/dev/null || echo "No $shell (Debian: apt-get install $shell): its completion is not tested." >&2
  fi
done

if [ ! -x "$published/bin/flyte" ]; then
  echo "Installing the published client ($wanted) for the interoperation tests ..." >&2
  uv=$(command -v uv || echo .venv/bin/uv)
  if [ -x "$uv" ]; then
    { "$uv" venv -q --clear --python .venv/bin/python "$published" && "$uv" pip install -q --compile-bytecode --link-mode copy --python "$published/bin/python" "$wanted"; } || true
  else
    { .venv/bin/python -m venv --clear "$published" && "$published/bin/python" -m pip install -q --disable-pip-version-check "$wanted"; } || true
  fi
  [ -x "$published/bin/flyte" ] || echo "The published client could not be installed: the interoperation tests are skipped." >&2
fi

if [ ! -d console/node_modules/playwright-core ]; then
  echo "Installing what drives the browser ..." >&2
  { command -v npm >/dev/null && (cd console && npm ci --silent --no-audit --no-fund >/dev/null 2>&1); } ||
    echo "No Node with npm: the browser tests are skipped." >&2
fi
