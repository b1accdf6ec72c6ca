#!/usr/bin/env bash
# rulebus explain
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

pattern='{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}'
echo "$pattern" >pattern.json
printf '{\n  "source": "shop",\n  "detail": {"total": 99}\n}\n' >event.json

it "an event that does not match: which field, what was asked for, and what was there"
run 0 explain --pattern pattern.json --event event.json
out_has "no match (1 of 2 conditions hold)"
out_has "detail.total"
out_has '{"numeric":[">",100]}'
out_has "99"
quiet

it "pattern and event may be text, and the event may come from standard input"
cp out first
run 0 explain --pattern "$pattern" --event "$(cat event.json)"
cmp -s first out || fail "text and file differ"
run 0 explain --pattern "$pattern" <event.json
cmp -s first out || fail "standard input and file differ"
run 0 explain --pattern - --event event.json <pattern.json
cmp -s first out || fail "the pattern from standard input and from a file differ"

it "an event that matches"
run 0 explain --pattern "$pattern" --event '{"source": "shop", "detail": {"total": 101}}'
out_has "match (2 of 2 conditions hold)"
out_lacks "no match"

it "--json prints one line for programs"
run 0 explain --pattern "$pattern" --event event.json --json
[ "$(wc -l <out)" = 1 ] || fail "one line"
grep -q '^{"matched":false,' out || fail "it begins with the verdict"

it "an invalid pattern or event is a finding, with its place"
run 1 explain --pattern '{"a": []}' --event event.json
complains "the pattern is not valid: Empty arrays are not allowed"
run 1 explain --pattern "$pattern" --event '{"a": }'
complains "the event is not valid: "
err_has "line 1, column 7"
err_has "          ^"

cat >rules.jsonl <<'END'
{"name": "far", "pattern": {"source": ["bank"], "detail": {"total": [1]}, "x": [1]}}
{"name": "near", "pattern": {"source": ["shop"], "detail": {"total": [{"numeric": [">", 98]}, 5]}, "y": [1]}}
{"name": "hit", "pattern": {"source": ["shop"]}}
END
it "--rules ranks all rules: those that match, then those that lack least"
run 0 explain --rules rules.jsonl --event event.json
[ "$(grep -o '^"[a-z]*"' out | tr '\n' ' ')" = '"hit" "near" "far" ' ] || fail "the order is hit, near, far"
out_has '"near": no match (2 of 3 conditions hold)'

it "--limit shows the first ones and says how many there are"
run 0 explain --rules rules.jsonl --event event.json --limit 1
out_has '"hit": match (1 of 1 conditions hold)'
out_lacks '"near"'
out_has "1 of 3 rules shown"
run 0 explain --rules rules.jsonl --event event.json --limit 2 --json
[ "$(sed 's/^{"name":"\([a-z]*\)","explanation":{"matched":.*/\1/' out | tr '\n' ' ')" = "hit near " ] || fail "two lines of JSON"

it "an invalid rule is a finding, and nothing is explained"
echo '{"name": "bad", "pattern": {"a": []}}' >>rules.jsonl
run 1 explain --rules rules.jsonl --event event.json
complains 'rules.jsonl:4:'

it "pattern and rules exclude each other, and one is needed"
run 2 explain --pattern "$pattern" --rules rules.jsonl --event event.json
complains "either --pattern or --rules"
run 2 explain --event event.json
complains "either --pattern or --rules"
run 2 explain --pattern - --event - </dev/null
complains "cannot both come from standard input"
run 2 explain --pattern nothing.json --event event.json
complains "cannot read nothing.json"

it "additions to the language need --allow"
run 1 explain --pattern '{"a": [{"regexp": "x+"}]}' --event '{"a": "xx"}'
run 0 explain --pattern '{"a": [{"regexp": "x+"}]}' --event '{"a": "xx"}' --allow regexp
out_has "match (1 of 1 conditions hold)"
