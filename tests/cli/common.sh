# shellcheck shell=bash
# What the tests of the command line share. Environment: RULEBUS is the tool, RULEBUS_SOURCE_DIR the checkout.
# Each script works in an empty directory of its own, which is gone afterwards.
set -eu
: "${RULEBUS:?the path of the rulebus executable}" "${RULEBUS_SOURCE_DIR:?the path of the checkout}"
unset NO_COLOR
# Freed memory that AddressSanitizer keeps back would look like growth to the tests of memory.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=4"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
current="(no case yet)"

# it SENTENCE: names the case that the next lines check.
it() { current=$1; }

fail() {
  printf 'FAIL: %s\n  %s\n' "$current" "$1" >&2
  for stream in out err; do
    if [ -e "$work/$stream" ]; then printf -- '--- %s\n' "$stream"; head -c 2000 "$work/$stream"; fi
  done >&2
  exit 1
}

# run CODE ARGUMENT…: runs rulebus; its streams go to the files out and err, and its exit code must be CODE.
run() {
  local expected=$1 code=0
  shift
  "$RULEBUS" "$@" >"$work/out" 2>"$work/err" || code=$?
  [ "$code" = "$expected" ] || fail "exit code $code instead of $expected: rulebus $*"
}

# out_is TEXT: standard output is these lines.
out_is() { [ "$(cat "$work/out")" = "$1" ] || fail "standard output is not: $1"; }

# out_has TEXT, err_has TEXT, out_lacks TEXT: the stream has that text somewhere, or nowhere.
out_has() { grep -qF -- "$1" "$work/out" || fail "standard output lacks: $1"; }
err_has() { grep -qF -- "$1" "$work/err" || fail "standard error lacks: $1"; }
out_lacks() { ! grep -qF -- "$1" "$work/out" || fail "standard output should lack: $1"; }

quiet() { [ ! -s "$work/err" ] || fail "standard error should be empty"; }
silent() { [ ! -s "$work/out" ] || fail "standard output should be empty"; }

# complains TEXT: an error in the promised form, with nothing on standard output.
complains() {
  silent
  head -n 1 "$work/err" | grep -q '^rulebus: ' || fail "standard error does not begin with 'rulebus: '"
  err_has "$1"
}
