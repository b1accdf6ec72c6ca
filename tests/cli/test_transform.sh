#!/usr/bin/env bash
# rulebus transform
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

it "cases that are as expected pass, and the last line says how many"
cat >good.jsonl <<'END'
{"id": "path", "event": {"detail": {"a": 1.50}}, "input_path": "$.detail", "delivered": { "a" : 1.50 }}
{"id": "text", "event": "{\"a\": \"x\"}", "input_transformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": "\"<a>\""}, "delivered": "x", "delivered_text": "\"x\""}
{"id": "ours", "event": {"a": "x"}, "input_transformer": {"input_paths_map": {"a": "$.a"}, "input_template": "{\"b\": <a>}"}, "delivered": {"b": "x"}}
{"id": "input", "event": {}, "input": {"any": "value"}, "delivered": {"any": "value"}}
{"id": "input text", "event": {}, "input": "{\"any\": 1}", "delivered_text": "{\"any\": 1}"}
{"id": "none", "event": {"a": 1}, "input_path": null, "delivered": {"a": 1}}
{"id": "reserved", "event": {}, "input_transformer": {"InputTemplate": "<aws.events.rule-name>"}, "rule": {"rule_name": "r"}, "delivered": "r"}
{"id": "error", "event": {}, "input_path": "a", "error": "InputPath for target <target-id> is invalid. Reason: a path begins with $."}
{"id": "code", "event": {}, "input_path": "a", "error_code": "ValidationException"}
{"id": "no event", "input": "x", "error_code": "ValidationException"}
{"id": "drop", "event": {}, "input_path": "$.a", "dropped": true}
{"id": "reason", "event": {}, "input_path": "$.a", "target_id": "t", "dropped": "the event has nothing at $.a, the InputPath of target t"}
{"event": {}, "input": "1", "delivered": 1}
END
run 0 transform good.jsonl
out_is "13 passed, 0 failed"
quiet

it "a failure names file, line and id, what was expected and got"
cat >bad.jsonl <<'END'
{"id": "fine", "event": {"a": 1}, "input_path": "$.a", "delivered": 1}

{"id": "value", "event": {"a": 1.0}, "input_path": "$.a", "delivered": 1}
{"id": "lines", "event": {"a": 1}, "input_transformer": {"InputTemplate": "\"a\"\n\"b\""}, "delivered_text": "\"a\"\n\"c\""}
END
run 1 transform bad.jsonl
out_has 'FAIL bad.jsonl:3 "value"'
out_has '  expected: 1'
out_has '  got:      1.0'
out_has '            "c"'
[ "$(tail -n 1 out)" = "1 passed, 2 failed" ] || fail "the last line is the summary"

it "each kind of expectation fails when something else comes"
for expectation in '"delivered": 2' '"delivered_text": "1 "' '"error": "x"' '"error_code": "E"' '"dropped": true' '"dropped": "x"'; do
  echo "{\"event\": {\"a\": 1}, \"input_path\": \"\$.a\", $expectation}" | run 1 transform -
done
echo '{"event": {}, "input_path": "$.a", "delivered": ""}' | run 1 transform -
out_has "got:      dropped: the event has nothing at"
echo '{"event": {}, "input_path": "$.a", "dropped": "x"}' | run 1 transform -
echo '{"event": {}, "input_path": "a", "error": "x"}' | run 1 transform -
out_has "got:      error: InputPath for target"
echo '{"event": {}, "input": "1", "delivered": 1, "delivered_text": "2"}' | run 1 transform -
echo '{"event": {}, "input": "1", "delivered": 2, "delivered_text": "1"}' | run 1 transform -

it "a case without expectation neither passes nor fails"
echo '{"event": {}, "input_path": "x"}' | run 0 transform -
out_is "0 passed, 0 failed, 1 without expectation"

it "--json prints one answer for each line, with the id as it was given or the number of the line"
cat >mixed.jsonl <<'END'
{"id": "x\u0041", "event": "{\n\"a\" : [ 1.50, \"\\u00e9\" ]\n}"}
{"id": 7.50, "event": {"a": 1}, "input_path": "$.b"}
{"event": {"a": 1}, "input_path": "b"}
{"event": {"a": "b"}, "input_transformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": "\"<a>\"\n\"c\""}}
{"event": "{", "input_path": "$"}
{"input_path": "$"}
END
run 0 transform --json mixed.jsonl
sed -n 1p out | grep -qxF '{"id":"x\u0041","delivered":{"a":[1.50,"\u00e9"]}}' || fail "the first line"
sed -n 2p out | grep -qxF '{"id":7.50,"dropped":"the event has nothing at $.b, the InputPath of target <target-id>"}' || fail "the second line"
sed -n 3p out | grep -qxF '{"id":3,"error":"InputPath for target <target-id> is invalid. Reason: a path begins with $."}' || fail "the third line"
sed -n 4p out | grep -qxF '{"id":4,"delivered":"\"b\"\n\"c\"","delivered_text":"\"b\"\n\"c\""}' || fail "the fourth line"
sed -n 5p out | grep -q '^{"id":5,"error":"Unexpected end-of-input' || fail "the fifth line"
sed -n 6p out | grep -qxF '{"id":6,"error":"there is no \"event\""}' || fail "the sixth line"
quiet

it "--json fails on expectations too"
run 1 transform --json bad.jsonl
[ "$(wc -l <out)" = 3 ] || fail "three cases give three lines"
err_has "2 of 3 lines are not as expected"

it "what --json prints can be expected of the next run"
run 0 transform --json mixed.jsonl
paste -d'\n' mixed.jsonl out | awk 'NR % 2 {sub(/}$/, ""); line = $0; next} {sub(/^{"id":("[^"]*"|[0-9.]*)/, ""); print line $0}' >again.jsonl
run 0 transform again.jsonl
out_is "6 passed, 0 failed"

it "a line that is no case fails, and says why"
cat >broken.jsonl <<'END'
{"event": {}, "input_path": 7}
[1]
{"event": {}, "input_transformer": {"InputPathsMap": {}}}
{"event": {}, "input_transformer": {"InputPathsMap": {"a": 1}, "InputTemplate": "1"}}
{"event": {}, "input_transformer": "x"}
{"event": {}, "rule": 1}
{"event": {}, "dropped": 1}
{"id": {}, "event": {}}
END
run 1 transform broken.jsonl
out_has 'not a case: "input_path" must be a string'
out_has 'not a case: this should be an object'
out_has '"input_transformer" must have "InputTemplate", a string'
out_has '"InputPathsMap" must be an object of strings'
out_has '"input_transformer" must be an object'
out_has '"rule" must be an object'
out_has '"dropped" must be true or false'
out_has '"id" must be a string or a number'
[ "$(tail -n 1 out)" = "0 passed, 8 failed" ] || fail "the last line is the summary"
run 1 transform --json broken.jsonl
sed -n 1p out | grep -qxF '{"id":1,"line_error":"\"input_path\" must be a string"}' || fail "the first line"

it "--aws-limits refuses what the service does, for all cases or for one"
long=$(printf '%8193s' '' | tr ' ' 1)
echo "{\"event\": {}, \"input\": \"$long\", \"delivered_text\": \"$long\"}" >long.jsonl
run 0 transform long.jsonl
run 1 transform --aws-limits long.jsonl
out_has "Member must have length less than or equal to 8192"
echo "{\"event\": {}, \"input\": \"$long\", \"aws_limits\": true, \"error_code\": \"ValidationException\"}" | run 0 transform -

it "--quoted-names takes names in quotes, for all cases or for one"
echo '{"event": {"a b": 1}, "input_path": "$['"'a b'"']", "delivered": 1}' >quoted.jsonl
run 1 transform quoted.jsonl
run 0 transform --quoted-names quoted.jsonl
sed 's/}$/, "quoted_names": true}/' quoted.jsonl | run 0 transform --aws-limits -

it "several files are one run, and standard input is -"
run 0 transform good.jsonl - <good.jsonl
out_is "26 passed, 0 failed"

it "a long file runs in constant memory"
if [ -x /usr/bin/time ]; then
  peak() { /usr/bin/time -f %M "$RULEBUS" transform - 2>&1 >/dev/null | tail -n 1; }
  line='{"event": {"a": 1}, "input_path": "$.a", "delivered": 1}'
  few=$(yes "$line" | head -n 1000 | peak)
  many=$(yes "$line" | head -n 100000 | peak)
  [ "$many" -lt $((few + 16000)) ] || fail "$many KB for 100,000 lines, $few KB for 1,000"
else
  echo "skipped: no /usr/bin/time to measure memory with"
fi
