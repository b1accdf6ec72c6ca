#!/usr/bin/env bash
# rulebus match
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

cat >rules.jsonl <<'END'
{"name": "zebra", "pattern": {"a": [1]}}
{"name": "apple", "pattern": {"a": [{"numeric": [">", 0]}]}, "why": "other members are ignored"}

{"name": "text", "pattern": "{\"b\": [\"x\"]}"}
{"name": "zebra", "pattern": {"b": ["x"]}}
{"name": "é \"q\"", "pattern": {"c": [{"exists": true}]}}
END

it "each event gives the names of its rules, sorted and each once"
printf '%s\n' '{"a": 1}' '{"a": 1, "b": "x"}' '{"z": 1}' '{"c": 0}' >events.jsonl
run 0 match --rules rules.jsonl --events events.jsonl
out_is '{"matched":["apple","zebra"]}
{"matched":["apple","text","zebra"]}
{"matched":[]}
{"matched":["é \"q\""]}'
quiet

it "events come from standard input by default, and by -"
run 0 match --rules rules.jsonl <events.jsonl
cp out first
run 0 match --rules rules.jsonl --events - <events.jsonl
cmp -s first out || fail "- and the default differ"
[ "$(wc -l <out)" = 4 ] || fail "four events give four lines"

it "rules come from standard input too, but not together with events"
run 0 match --rules - --events events.jsonl <rules.jsonl
cmp -s first out || fail "rules from standard input give other answers"
run 2 match --rules - <rules.jsonl
complains "cannot both come from standard input"

it "rules may be a JSON array, over several lines"
printf '[\n  {"name": "one",\n   "pattern": {"a": [1]}},\n  {"name": "two", "pattern": {"a": [2]}}\n]\n' >rules.json
echo '{"a": [2, 1]}' >event.json
run 0 match --rules rules.json --events event.json
out_is '{"matched":["one","two"]}'

it "an empty array of rules and an empty file of rules match nothing"
echo '[]' >none.json
run 0 match --rules none.json --events event.json
out_is '{"matched":[]}'
run 0 match --rules /dev/null --events event.json
out_is '{"matched":[]}'

it "an invalid event gives its error in place, and the rest is still processed"
printf '%s\n' '{"a": 1}' '{"a": }' '[1]' '{"a": 1' '{"a": 1}' >some.jsonl
run 1 match --rules rules.jsonl --events some.jsonl
[ "$(wc -l <out)" = 5 ] || fail "five events give five lines"
[ "$(grep -c '^{"matched":\["apple","zebra"\]}$' out)" = 2 ] || fail "the valid events match"
sed -n 2p out | grep -q '^{"error":".*","offset":6}$' || fail "the second event is an error at byte 6"
sed -n 3p out | grep -q '^{"error":".*","offset":0}$' || fail "an array is no event"
sed -n 4p out | grep -q '^{"error":".*","offset":7}$' || fail "a truncated event ends too early"

it "bytes that are not UTF-8 are an error, and the output is valid JSON"
printf '{"a": "\377"}\n{"a\200": 1}\n' >binary.jsonl
run 1 match --rules rules.jsonl --events binary.jsonl
[ "$(grep -c '^{"error":' out)" = 2 ] || fail "both events are errors"

it "empty lines are skipped, lines may end in CRLF, and the last one without a newline"
printf '\n{"a": 1}\r\n\r\n  \t\n{"a": 2}' >odd.jsonl
run 0 match --rules rules.jsonl --events odd.jsonl
out_is '{"matched":["apple","zebra"]}
{"matched":["apple"]}'

it "rules may end in CRLF and without a newline"
printf '{"name": "one", "pattern": {"a": [1]}}\r\n\r\n{"name": "two", "pattern": {"a": [2]}}' >crlf.jsonl
run 0 match --rules crlf.jsonl --events odd.jsonl
out_is '{"matched":["one"]}
{"matched":["two"]}'

it "a byte order mark is skipped"
{ printf '\357\273\277'; cat crlf.jsonl; } >bom_rules.jsonl
{ printf '\357\273\277'; echo '{"a": 1}'; } >bom.jsonl
run 0 match --rules bom_rules.jsonl --events bom.jsonl
out_is '{"matched":["one"]}'

it "no events, no output"
run 0 match --rules rules.jsonl --events /dev/null
silent
quiet

it "numbers reach the matcher as they are spelled"
echo '{"name": "long", "pattern": {"a": [123456789012345678]}}' >long.jsonl
printf '%s\n' '{"a": 123456789012345678}' '{"a": 123456789012345679}' '{"a": 123456789012345678.0}' |
  "$RULEBUS" match --rules long.jsonl >out
out_is '{"matched":["long"]}
{"matched":[]}
{"matched":[]}'

it "a duplicate key of a pattern reaches the matcher: the last wins"
echo '{"name": "last", "pattern": {"a": [1], "a": [2]}}' >duplicate.jsonl
printf '%s\n' '{"a": 1}' '{"a": 2}' | "$RULEBUS" match --rules duplicate.jsonl >out
out_is '{"matched":[]}
{"matched":["last"]}'

it "--count gives the totals for each name, zeros too"
run 0 match --rules rules.jsonl --events events.jsonl --count
out_is '{"counts":{"apple":2,"text":1,"zebra":2,"é \"q\"":1},"events":4,"invalid":0}'
run 0 match --rules rules.jsonl --events /dev/null --count
out_is '{"counts":{"apple":0,"text":0,"zebra":0,"é \"q\"":0},"events":0,"invalid":0}'

it "--count counts invalid events, and says on standard error where they are"
run 1 match --rules rules.jsonl --events some.jsonl --count
out_is '{"counts":{"apple":2,"text":0,"zebra":2,"é \"q\"":0},"events":5,"invalid":3}'
err_has "rulebus: some.jsonl:2:7: "

it "a rule that is not valid is reported with its place, all of them, and no event is processed"
cat >broken.jsonl <<'END'
{"name": "good", "pattern": {"a": [1]}}
{"name": "empty", "pattern": {"a": []}}
not json
{"pattern": {"a": [1]}}
{"name": "text", "pattern": "{\"a\": [{\"EXISTS\": true}]}"}
END
run 1 match --rules broken.jsonl --events events.jsonl
complains 'broken.jsonl:2:'
err_has 'rule "empty": Empty arrays are not allowed'
err_has 'broken.jsonl:3:1: this should be an object'
err_has 'broken.jsonl:4:1: this should be an object'
err_has 'rule "text": Unrecognized match type EXISTS'
err_has '4 of 5 rules cannot be used'

it "an error in an array of rules has the line and column in the file"
printf '[\n  {"name": "one",\n   "pattern": {"a": [1],\n     "b": []}}]' >broken.json
run 1 match --rules broken.json --events events.jsonl
err_has 'broken.json:4:1'

it "additions to the language need --allow"
cat >more.jsonl <<'END'
{"name": "re", "pattern": {"a": [{"regexp": "x+"}]}}
{"name": "both", "pattern": {"a": [{"all": ["xx", {"prefix": "x"}]}]}}
END
echo '{"a": "xx"}' >xx.json
run 1 match --rules more.jsonl --events xx.json
run 1 match --rules more.jsonl --events xx.json --allow all
run 0 match --rules more.jsonl --events xx.json --allow regexp,all
out_is '{"matched":["both","re"]}'
run 0 match --rules more.jsonl --events xx.json --allow regexp --allow all
out_is '{"matched":["both","re"]}'
