#!/usr/bin/env bash
# The command line as a whole: help, version, wrong usage, colours.
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

it "--version names the tool and the version of the library"
version=$(sed -n 's/^#define RULEBUS_VERSION "\(.*\)"$/\1/p' "$RULEBUS_SOURCE_DIR/include/rulebus/version.hpp")
run 0 --version
out_is "rulebus $version"
quiet

it "--help lists the verbs, an example of each, and the exit codes"
run 0 --help
for verb in match test explain lint run bench transform; do
  out_has "rulebus $verb "
done
out_has "Exit codes: 0 all fine"
quiet

for verb in match test explain lint run bench transform; do
  it "$verb --help has examples and the exit codes"
  run 0 "$verb" --help
  out_has "Examples:"
  out_has "  rulebus $verb "
  out_has "Exit codes: 0 all fine"
  out_has "--allow"
  out_has "--color"
  quiet
done

for verb in next describe test; do
  it "schedule $verb --help has examples and the exit codes"
  run 0 schedule "$verb" --help
  out_has "  rulebus schedule $verb "
  out_has "Exit codes: 0 all fine"
  quiet
done

it "no verb is a usage error"
run 2
complains "subcommand is required"

it "an unknown verb is a usage error that says where help is"
run 2 guess
complains "--help"

it "an unknown option is a usage error that points to the verb's help"
run 2 match --rules r.jsonl --speed
complains "'rulebus match --help'"

it "a missing required option is a usage error"
run 2 match
complains "--rules is required"

it "a word that --allow does not know is a usage error with the words that it knows"
run 2 lint --allow magic x.json
complains "cidr-single-address"

it "threads must be a number in range"
run 2 match --rules r.jsonl --threads 0
run 2 match --rules r.jsonl --threads many
complains "--threads"

it "a file that does not exist is an I/O error that says what to do"
run 2 lint missing.json
complains "cannot read missing.json: No such file or directory; check the path"

it "a directory is not a file"
mkdir folder
run 2 lint folder
complains "cannot read folder: Is a directory"

it "standard output that cannot be written is an I/O error"
if [ -e /dev/full ]; then
  code=0
  echo '{"a": [1]}' | "$RULEBUS" lint - >/dev/full 2>err || code=$?
  [ "$code" = 2 ] || fail "exit code $code instead of 2"
  err_has "cannot write to standard output"
fi

escape=$'\033'
echo '{"a": []}' >bad.json
it "colours are for terminals: none in a pipe"
run 1 lint bad.json
out_lacks "$escape"

it "--color always colours a pipe too, before and behind the verb"
run 1 --color always lint bad.json
out_has "${escape}[31m"
run 1 lint --color always bad.json
out_has "${escape}[31m"

it "--color knows three words"
run 2 --color sometimes lint bad.json
complains "--color"

# A terminal of its own, where the tools for one are there.
on_terminal() { script -qec "$1" /dev/null </dev/null >out 2>/dev/null; }
if command -v script >/dev/null && TERM=xterm on_terminal true; then
  export TERM=xterm
  it "on a terminal there are colours"
  on_terminal "'$RULEBUS' lint bad.json" || true
  out_has "${escape}[31m"
  it "NO_COLOR switches them off, unless it is empty"
  NO_COLOR=1 on_terminal "'$RULEBUS' lint bad.json" || true
  out_lacks "$escape"
  NO_COLOR="" on_terminal "'$RULEBUS' lint bad.json" || true
  out_has "${escape}[31m"
  it "--color always is stronger than NO_COLOR"
  NO_COLOR=1 on_terminal "'$RULEBUS' --color always lint bad.json" || true
  out_has "${escape}[31m"
  it "--color never is stronger than a terminal"
  on_terminal "'$RULEBUS' --color never lint bad.json" || true
  out_lacks "$escape"
  it "a dumb terminal gets no colours"
  TERM=dumb on_terminal "'$RULEBUS' lint bad.json" || true
  out_lacks "$escape"
else
  echo "skipped: no 'script' to make a terminal with"
fi
