#!/usr/bin/env bash
# The project's own rules, events and tests through the command line.
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"
data=$RULEBUS_SOURCE_DIR/examples/data

it "every rule of the examples is valid"
run 0 lint "$data/rules.jsonl"
run 1 lint "$data/rules_beyond.jsonl"
run 0 lint --allow regexp,wildcard-ignore-case,cidr-single-address,all "$data/rules_beyond.jsonl"

it "the tests of the examples pass"
run 0 test "$data/tests.jsonl"

it "every event of the examples is valid, and every rule matches one of them"
run 0 match --rules "$data/rules.jsonl" --events "$data/events.jsonl" --count
out_has '"invalid":0}'
! grep -q '":0[,}]' <(sed 's/,"events".*//' out) || fail "a rule matches nothing"

it "the rows in tests/data pass"
found=0
for file in "$RULEBUS_SOURCE_DIR"/tests/data/*.jsonl "$RULEBUS_SOURCE_DIR"/tests/data/errors/*.jsonl; do
  case $file in */schedules.jsonl) continue ;; esac
  [ -e "$file" ] || continue
  found=1
  verb="test"
  if [ "$(basename "$file")" = inputs.jsonl ]; then verb="transform"; fi
  run 0 "$verb" "$file"
done
[ $found = 1 ] || echo "tests/data has no rows"

it "the rows of schedules in tests/data pass"
run 0 schedule test "$RULEBUS_SOURCE_DIR/tests/data/schedules.jsonl"
