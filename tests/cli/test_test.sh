#!/usr/bin/env bash
# rulebus test
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

it "cases that are as expected pass, and the last line says how many"
cat >good.jsonl <<'END'
{"id": "object", "rules": {"one": {"a": [1]}, "two": {"a": [2]}}, "event": {"a": 1}, "matched": ["one"]}
{"id": "text", "rules": {"one": "{\"a\":[1]}"}, "event": "{\"a\":1.0}", "matched": ["one"]}
{"id": "several", "rules": {"any": [{"a": [1]}, "{\"a\":[2]}"]}, "event": {"a": 2}, "matched": ["any"]}
{"id": "unsorted", "rules": {"b": {"a": [1]}, "a": {"a": [1]}}, "event": {"a": 1}, "matched": ["b", "a", "b"]}
{"id": "errors", "rules": {"bad": {"a": []}, "fine": {"a": [1]}}, "event": {"a": 1}, "matched": ["fine"], "errors": ["bad"]}
{"id": "message", "rules": {"bad": {"a": []}}, "event": {"a": 1}, "errors": {"bad": "Empty arrays are not allowed"}}
{"id": "event", "rules": {"one": {"a": [1]}}, "event": "{\"a\":1", "matched": [], "event_error": true}
{"rules": {}, "event": {}, "matched": []}
END
run 0 test good.jsonl
out_is "8 passed, 0 failed"
quiet

it "one invalid pattern in a list leaves the others in force"
echo '{"rules": {"r": [{"a": []}, {"a": [1]}]}, "event": {"a": 1}, "matched": ["r"], "errors": ["r"]}' | run 0 test -
out_is "1 passed, 0 failed"

it "a failure names file, line and id, what was expected and got, and explains a rule"
cat >bad.jsonl <<'END'
{"id": "fine", "rules": {"one": {"a": [1]}}, "event": {"a": 1}, "matched": ["one"]}

{"id": "missed", "rules": {"one": {"a": [1]}, "two": {"b.c": [{"prefix": "x"}]}}, "event": {"a": 1, "b.c": 7}, "matched": ["one","two"]}
END
run 1 test bad.jsonl
out_has 'FAIL bad.jsonl:3 "missed"'
out_has 'expected: ["one","two"]'
out_has 'got:      ["one"]'
out_has 'FAIL  b.c  wants [{"prefix":"x"}]  found 7'
[ "$(tail -n 1 out)" = "1 passed, 1 failed" ] || fail "the last line is the summary"

it "a name that no rule has cannot match"
echo '{"rules": {"one": {"a": [1]}}, "event": {"a": 1}, "matched": ["one", "ghost"]}' | run 1 test -
out_has 'there is no rule "ghost"'

it "an invalid pattern fails a case that does not expect it"
echo '{"rules": {"bad": {"a": []}}, "event": {"a": 1}, "matched": []}' | run 1 test -
out_has 'got:      {"bad":"Empty arrays are not allowed"}'

it "a valid pattern fails a case that expects an error, and so does another message"
echo '{"rules": {"p": {"a": [1]}}, "event": {"a": 1}, "errors": ["p"]}' | run 1 test -
echo '{"rules": {"p": {"a": []}}, "event": {"a": 1}, "errors": {"p": "something else"}}' | run 1 test -
echo '{"rules": {"p": {"a": [1]}}, "event": {"a": 1}, "errors": []}' | run 0 test -

it "an invalid event fails a case that does not expect it, and a valid one a case that does"
echo '{"rules": {"p": {"a": [1]}}, "event": "{", "matched": []}' | run 1 test -
out_has "expected: valid"
echo '{"rules": {"p": {"a": [1]}}, "event": "{}", "matched": [], "event_error": true}' | run 1 test -
out_has "expected: invalid"
echo '{"rules": {"p": {"a": [1]}}, "event": "[]", "event_error": false}' | run 1 test -
echo '{"rules": {"p": {"a": [1]}}, "event": "[]", "event_error": "other words"}' | run 1 test -

it "a case without expectation neither passes nor fails"
echo '{"rules": {"p": {"a": []}}, "event": "{"}' | run 0 test -
out_is "0 passed, 0 failed, 1 without expectation"

it "--json prints one answer for each line, with the id as it was given or the number of the line"
cat >mixed.jsonl <<'END'
{"id": "x\u0041", "rules": {"z": {"a": [1]}, "b": {"a": [1]}}, "event": {"a": 1}}
{"id": 7.50, "rules": {"bad": {"a": []}, "ok": {"a": [1]}}, "event": {"a": 1}}
{"rules": {"p": {"a": [1]}}, "event": "[]"}
END
run 0 test --json mixed.jsonl
sed -n 1p out | grep -qxF '{"id":"x\u0041","matched":["b","z"]}' || fail "the first line"
sed -n 2p out | grep -qxF '{"id":7.50,"matched":["ok"],"errors":{"bad":"Empty arrays are not allowed"}}' || fail "the second line"
sed -n 3p out | grep -q '^{"id":3,"matched":\[\],"event_error":"..*"}$' || fail "the third line"
quiet

it "--json fails on expectations too"
run 1 test --json bad.jsonl
[ "$(wc -l <out)" = 2 ] || fail "two cases give two lines"
err_has "1 of 2 lines are not as expected"

it "what --json prints can be expected of the next run"
run 0 test --json mixed.jsonl
paste -d '\n' mixed.jsonl out | sed 'N;s/}\n{"id":\("[^"]*"\|[0-9.]*\)/ /' >golden.jsonl
run 0 test golden.jsonl
out_is "3 passed, 0 failed"

it "a line that is no test fails, and the rest still runs"
cat >shapes.jsonl <<'END'
nonsense
{"rules": 5, "event": {}}
{"event": {}}
{"rules": {}, "matched": []}
{"rules": {}, "event": {}, "matched": 1}
{"rules": {"p": {"a": [1]}}, "event": {"a": 1}, "matched": ["p"]}
END
run 1 test shapes.jsonl
[ "$(tail -n 1 out)" = "1 passed, 5 failed" ] || fail "five lines have no shape"
out_has "FAIL shapes.jsonl:1"
run 1 test --json shapes.jsonl
[ "$(grep -c '"line_error":' out)" = 5 ] || fail "five lines are errors"
[ "$(wc -l <out)" = 6 ] || fail "six lines give six answers"

it "lines may be empty, end in CRLF, or have no newline at the end; files may be empty"
case='{"rules": {"p": {"a": [1]}}, "event": {"a": 1}, "matched": ["p"]}'
printf '\r\n%s\r\n\n%s' "$case" "$case" | run 0 test -
out_is "2 passed, 0 failed"
run 0 test /dev/null
out_is "0 passed, 0 failed"
run 0 test --json /dev/null
silent

it "several files add up"
run 1 test good.jsonl bad.jsonl /dev/null
[ "$(tail -n 1 out)" = "9 passed, 1 failed" ] || fail "the summary is over all files"
run 2 test
complains "FILE is required"

it "the short form with one pattern: expect"
cat >short.jsonl <<'END'
{"pattern": {"a": [1]}, "event": {"a": 1}, "expect": "match"}
{"pattern": "{\"a\":[1]}", "event": "{\"a\":2}", "expect": "no-match"}
{"pattern": {"a": []}, "event": {"a": 1}, "expect": "error"}
{"pattern": {"a": []}, "event": {}, "expect": "error", "error_message": "Event pattern is not valid. Reason: Empty arrays are not allowed\n at [x]"}
{"pattern": {"a": [1]}, "event": "nothing", "expect": "error", "error_message": "Parameter Event is not valid."}
{"pattern": "{\"a\":[]}", "valid": false}
{"pattern": {"a": [1]}, "valid": true}
{"pattern": {}, "pattern_text": "{\"a\":[1]}", "event": {}, "event_text": "{\"a\":1}", "expect": "match"}
END
run 0 test short.jsonl
out_is "8 passed, 0 failed"
cat >short_bad.jsonl <<'END'
{"pattern": {"a": [1]}, "event": {"a": 1}, "expect": "no-match"}
{"pattern": {"a": [1]}, "event": {"a": 2}, "expect": "match"}
{"pattern": {"a": [1]}, "event": {"a": 2}, "expect": "error"}
{"pattern": {"a": []}, "event": {}, "expect": "error", "error_message": "Event pattern is not valid. Reason: something else"}
{"pattern": {"a": []}, "event": {"a": 1}, "expect": "error", "error_message": "Parameter Event is not valid."}
{"pattern": {"a": []}, "valid": true}
{"pattern": {"a": [1]}, "valid": false}
{"pattern": {"a": [1]}, "event": {}, "expect": "maybe"}
END
run 1 test short_bad.jsonl
[ "$(tail -n 1 out)" = "0 passed, 8 failed" ] || fail "every line is wrong in its own way"

it "a case may allow additions to the language, for itself only"
cat >additions.jsonl <<'END'
{"rules": {"p": {"a": [{"regexp": "x+"}]}}, "event": {"a": "xx"}, "allow": ["regexp"], "matched": ["p"]}
{"rules": {"p": {"a": [{"regexp": "x+"}]}}, "event": {"a": "xx"}, "matched": [], "errors": ["p"]}
{"rules": {"p": {"a": [{"cidr": "::1/128"}]}}, "event": {"a": "::1"}, "allow": ["cidr_single_address", "all"], "matched": ["p"]}
END
run 0 test additions.jsonl
out_is "3 passed, 0 failed"
echo '{"rules": {}, "event": {}, "allow": ["magic"], "matched": []}' | run 1 test -
out_has '"allow" may have regexp, '

it "--envelope refuses events without the service's required members"
full='{"id": "1", "account": "1", "source": "s", "time": "t", "region": "r", "detail-type": "d"}'
case_of() {
  echo '{"pattern": {"source": ["s"]}, "event": '"$1"', "expect": "'"$2"'", "error_message": "Parameter Event is not valid."}'
}
case_of "$full" match | run 0 test --envelope -
case_of '{"source": "s"}' match | run 0 test -
case_of '{"source": "s"}' error | run 0 test --envelope -
for member in id account source time region detail-type; do
  case_of "${full/\"$member\"/\"other\"}" error | run 0 test --envelope -
done

it "--max-wildcard-complexity refuses wildcards as the service does"
complex='{"pattern": {"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}, "event": {"a": "x"}, "expect": '
echo "$complex"'"no-match"}' | run 0 test -
reason="Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences"
reason+=" after a wildcard character"
echo "$complex"'"error", "error_message": "Event pattern is not valid. Reason: '"$reason"'"}' |
  run 0 test --max-wildcard-complexity 4 -

it "an unpaired surrogate in a line is the event's error or the pattern's, not the line's"
cat >surrogates.jsonl <<'END'
{"rules": {"p": {"a": [1]}}, "event": {"a": "\ud83d"}, "event_error": true}
{"rules": {"p": {"a": [1]}}, "event": "{\"a\": \"\ud83d\"}", "event_error": true}
{"rules": {"p": {"a": [1]}}, "event": "{\"a\": \"\\ud83d\"}", "event_error": true}
{"rules": {"p": {"a": ["\ud83d"]}}, "event": {}, "errors": ["p"]}
{"rules": {"p": "{\"a\": [\"\ud83d\"]}"}, "event": {}, "errors": ["p"]}
{"rules": {"p": {"a": ["\ud83d\ude00"]}}, "event": "{\"a\": \"\ud83d\ude00\"}", "matched": ["p"]}
END
run 0 test surrogates.jsonl
out_is "6 passed, 0 failed"

it "an event as deep as its limit fits in a line, and a deeper one is the event's error"
nested() { printf '%*s' "$1" '' | sed 's/ /{"a":/g'; printf 1; printf '%*s' "$1" '' | sed 's/ /}/g'; }
printf '{"rules": {"p": {"b": [1]}}, "event": %s, %s}\n' "$(nested 1000)" '"matched": []' "$(nested 1001)" '"event_error": true' |
  run 0 test -
out_is "2 passed, 0 failed"

it "a long file runs in constant memory"
if [ -x /usr/bin/time ]; then
  peak() { /usr/bin/time -f %M "$RULEBUS" test - 2>&1 >/dev/null | tail -n 1; }
  line='{"rules": {"p": {"a": [1]}}, "event": {"a": 1}, "matched": ["p"]}'
  few=$(yes "$line" | head -n 1000 | peak)
  lines=$((100000 / ${RULEBUS_BUILD_SLOWNESS:-1}))
  many=$(yes "$line" | head -n $lines | peak)
  [ "$many" -lt $((few + 16000)) ] || fail "$many KB for $lines lines, $few KB for 1,000"
else
  echo "skipped: no /usr/bin/time to measure memory with"
fi
