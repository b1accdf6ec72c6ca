#!/usr/bin/env bash
# rulebus lint
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

it "a valid pattern"
printf '{\n  "a": [1],\n  "b": ["x"]\n}\n' >good.json
run 0 lint good.json
out_is "good.json: valid"
run 0 lint - <good.json
out_is "standard input: valid"
quiet

it "an error is shown under the text, at its line and column"
printf '{\n  "a": [1],\n\t"b": [{"EXISTS": true}]\n}\n' >bad.json
run 1 lint bad.json
out_has "error: Unrecognized match type EXISTS"
grep -q '^bad.json:3:[0-9]*: ' out || fail "it is in line 3"
out_has '     "b": [{"EXISTS": true}]'
column=$(sed -n 's/^bad.json:3:\([0-9]*\): .*/\1/p' out)
[ "$(sed -n 3p out)" = "$(printf '%*s^' $((column + 3)) '')" ] || fail "the caret is under column $column"
[ "$(tail -n 1 out)" = "bad.json: invalid" ] || fail "the last line is the verdict"

it "the caret counts characters, not bytes, and wide ones twice"
printf '{"é日": [1], "x": []}' >wide.json
run 1 lint wide.json
line=$(sed -n 2p out) caret=$(sed -n 3p out)
[ "$line" = '    {"é日": [1], "x": []}' ] || fail "the text is shown as it is"
bytes=$(sed -n 's/^wide.json:1:\([0-9]*\): .*/\1/p' out)
# é has two bytes and one column, 日 three bytes and two columns.
[ "${#caret}" = $((bytes + 4 - 2)) ] || fail "the caret is at ${#caret}, the byte at $bytes"

it "a long line is cut around the place"
{
  printf '{'
  for i in $(seq 200); do printf '"field%d": ["value"], ' "$i"; done
  printf '"bad": [], '
  for i in $(seq 200); do printf '"more%d": ["value"], ' "$i"; done
  printf '"z": [1]}'
} >long.json
run 1 lint long.json
line=$(sed -n 2p out)
[ "${#line}" -lt 130 ] || fail "the line has ${#line} characters"
out_has '"bad": [], '
out_has '…'

it "several files, each with its verdict"
run 1 lint good.json bad.json good.json
[ "$(grep -c '^good.json: valid$' out)" = 2 ] || fail "both good ones are valid"

it "rules as JSON Lines: each invalid one with the line and column of the file"
cat >rules.jsonl <<'END'
{"name": "good", "pattern": {"a": [1]}}

{"name": "empty", "pattern": {"a": []}}
{"name": "text", "pattern": "{\"a\": [{\"EXISTS\": 1}]}"}
{"name": "broken", "pattern": {"a": [1}}
{"a": [{"prefix": 1}]}
END
run 1 lint rules.jsonl
out_has 'rules.jsonl:3:'
out_has 'rule "empty": Empty arrays are not allowed'
out_has 'rules.jsonl:4:'
out_has 'rule "text": Unrecognized match type EXISTS'
out_has '    {"a": [{"EXISTS": 1}]}'
out_has 'rules.jsonl:5:'
out_has 'rules.jsonl:6:'
lines=$(sed -n 's/^rules.jsonl:\([0-9][0-9]*\):.*/\1/p' out | tr '\n' ' ')
[ "$lines" = "3 4 5 6 " ] || fail "in the order of the file"
[ "$(tail -n 1 out)" = "rules.jsonl: 4 invalid (5 patterns)" ] || fail "the last line is the verdict"

it "rules as an array"
printf '[{"name": "a", "pattern": {"a": [1]}},\n {"name": "b", "pattern": {"a": [2]}}]' >rules.json
run 0 lint rules.json
out_is "rules.json: valid (2 patterns)"

it "a broken first line does not hide the others"
printf '{"name": "%s", "pattern": {"a": %s}}\n' a '[1' b '[2]' c '[]' >first.jsonl
run 1 lint first.jsonl
out_has 'first.jsonl:1:34: error: this should be an object'
out_has 'rule "c"'
[ "$(tail -n 1 out)" = "first.jsonl: 2 invalid (3 patterns)" ] || fail "the last line is the verdict"

it "one rule over several lines"
printf '{"name": "a",\n "pattern": {"a":\n []}}' >rule.json
run 1 lint rule.json
grep -q '^rule.json:3:[0-9]*: error: rule "a": ' out || fail "it is in line 3"

it "--json has one line for each pattern"
run 1 lint --json rules.jsonl good.json
[ "$(wc -l <out)" = 6 ] || fail "six patterns give six lines"
sed -n 1p out | grep -qxF '{"file":"rules.jsonl","line":1,"name":"good","valid":true}' || fail "the first line"
second='{"file":"rules.jsonl","line":3,"name":"empty","valid":false,"error":"Empty arrays are not allowed",'
sed -n 2p out | grep -q "^$second"'"code":"invalid_pattern","offset":[0-9]*,"error_line":1,"error_column":[0-9]*}$' ||
  fail "the second line"
sed -n 6p out | grep -qxF '{"file":"good.json","line":1,"valid":true}' || fail "the last line"

it "input of any kind gets an answer"
printf '' >empty.json
run 1 lint empty.json
out_has "empty.json: invalid"
printf '\000\377\033[31m{' >bytes.json
run 1 lint bytes.json
out_lacks $'\033'
head -c 100000 /dev/zero | tr '\0' '[' >deep.json
run 1 lint deep.json
head -c 100000 /dev/zero | tr '\0' '{' >deeper.json
run 1 lint deeper.json
echo '["not", "rules"]' >list.json
run 1 lint list.json
printf '{"a":[1]}\r\n' >crlf.json
run 0 lint crlf.json
printf '{"a": [1]} extra' >extra.json
run 1 lint extra.json

it "additions to the language need --allow"
echo '{"a": [{"cidr": "10.0.0.1/32"}, {"wildcard": {"equals-ignore-case": "A*"}}]}' >more.json
run 1 lint more.json
run 1 lint --allow cidr-single-address more.json
run 0 lint --allow cidr-single-address,wildcard-ignore-case more.json

it "--max-wildcard-complexity"
echo '{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}' >complex.json
run 0 lint complex.json
run 1 lint --max-wildcard-complexity 2 complex.json
out_has "Rule is too complex"
