#!/bin/sh
# Checks the widgets' JavaScript: its syntax by node, its types (JSDoc) by TypeScript.
# The lock file pins TypeScript, and Pyright for tests/test_typing.py; both are installed
# into build/. Nothing of it is shipped.
set -eu
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "no node with npm: the JavaScript was NOT checked"
  exit 0
fi
find stepmagic tests -name '*.js' | sort | while read -r file; do
  node --check --input-type=module - <"$file" || { echo "in $file" >&2; exit 1; }
done
folder=build/javascript
mkdir -p $folder
# Two installations at once would remove each other's files.
exec 9>$folder/lock
if command -v flock >/dev/null; then flock 9; fi
if ! cmp -s tools/package-lock.json $folder/installed; then
  cp tools/package.json tools/package-lock.json $folder
  if ! npm ci --prefix $folder --ignore-scripts --no-audit --no-fund --silent; then
    echo "npm could not install TypeScript and Pyright: the types of the JavaScript were NOT checked"
    exit 0
  fi
  cp tools/package-lock.json $folder/installed
fi
exec 9>&-
node $folder/node_modules/typescript/bin/tsc --project tools
