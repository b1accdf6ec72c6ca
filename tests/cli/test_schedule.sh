#!/usr/bin/env bash
# rulebus schedule next, describe, test
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

it "next prints what the expression says, then instants with what the wall clock shows"
run 0 schedule next 'cron(30 2 * * ? *)' --zone Europe/Kyiv --from 2027-03-27T00:00:00Z --count 3
out_is 'at 02:30 every day, Europe/Kyiv
2027-03-27T00:30:00Z  Sat 2027-03-27 02:30:00 +02:00
2027-03-28T00:30:00Z  Sun 2027-03-28 02:30:00 +02:00
2027-03-28T23:30:00Z  Mon 2027-03-29 02:30:00 +03:00'
quiet

it "next --json prints one object with instants in UTC"
run 0 schedule next 'cron(0 2 ? * SAT *)' --from 2026-11-27T02:00:00Z --count 2 --json
out_is '{"expr":"cron(0 2 ? * SAT *)","zone":"UTC","next":["2026-11-28T02:00:00Z","2026-12-05T02:00:00Z"]}'

it "five instants by default, behind now by default"
run 0 schedule next 'cron(* * * * ? *)'
[ "$(wc -l <out)" = 6 ] || fail "a description and five instants"
now=$(date -u +%Y-%m-%dT%H:%M:00Z)
[ ! "$(sed -n 2p out | cut -c 1-20)" \< "$now" ] || fail "the first instant is before now"

it "an instant may have an offset and milliseconds, and is not among its own next ones"
run 0 schedule next 'cron(0 12 * * ? *)' --from 2026-11-28T14:00:00+02:00 --count 1 --json
out_has '"next":["2026-11-29T12:00:00Z"]'
run 0 schedule next 'cron(0 12 * * ? *)' --from 2026-11-28T11:59:59.999Z --count 1 --json
out_has '"next":["2026-11-28T12:00:00Z"]'

it "a rate counts from --anchor, which is --from by default; a schedule's fires there, a rule's a period later"
run 0 schedule next 'rate(90 minutes)' --from 2026-11-28T10:00:00Z --count 2 --json
out_has '"next":["2026-11-28T10:00:00Z","2026-11-28T11:30:00Z"]'
run 0 schedule next 'rate(90 minutes)' --dialect rule --from 2026-11-28T10:00:00Z --count 2 --json
out_has '"next":["2026-11-28T11:30:00Z","2026-11-28T13:00:00Z"]'
run 0 schedule next 'rate(90 minutes)' --anchor 2026-11-28T00:00:00.500Z --from 2026-11-28T10:00:00Z --count 1 --json
out_has '"next":["2026-11-28T10:30:00.500Z"]'

it "when there are no more instants it says so"
run 0 schedule next 'at(2027-01-01T00:00:00)' --from 2026-01-01T00:00:00Z
[ "$(tail -n 1 out)" = "no further instant" ] || fail "one instant, and then none"
run 0 schedule next 'cron(0 0 30 2 ? *)' --json
out_is '{"expr":"cron(0 0 30 2 ? *)","zone":"UTC","next":[]}'
run 0 schedule next 'cron(0 0 30 2 ? *)'
[ "$(tail -n 1 out)" = "no such instant" ] || fail "none at all"

it "an invalid expression is a finding, with its place"
run 1 schedule next 'cron(0 24 * * ? *)'
complains 'An hour is 0 to 23; not "24"'
[ "$(tail -n 1 err)" = "           ^" ] || fail "the caret is under 24"
run 1 schedule next 'cron(0 24 * * ? *)' --json
out_is '{"expr":"cron(0 24 * * ? *)","error":"An hour is 0 to 23; not \"24\"","offset":7}'
quiet
run 1 schedule describe 'nightly'
complains 'A schedule is cron(…), rate(…) or at(…)'

it "the dialects differ"
run 0 schedule describe 'rate(1 hours)'
run 1 schedule describe 'rate(1 hours)' --dialect rule
run 1 schedule describe 'at(2027-01-01T00:00:00)' --dialect rule
run 1 schedule next 'cron(0 0 1 1 ? *)' --dialect rule --zone Europe/Kyiv
complains 'runs in UTC'

it "an unknown zone says which are near; a missing database says what to install"
run 1 schedule next 'rate(1 day)' --zone Europe/Kiyv --json
out_has '"error":"There is no time zone Europe/Kiyv in '
out_lacks offset
run 1 schedule next 'rate(1 day)' --zone kyiv
complains 'did you mean Europe/Kyiv?'
run 1 schedule next 'rate(1 day)' --zone ../etc/passwd
export TZDIR=$work/nowhere
run 1 schedule next 'rate(1 day)' --zone Europe/Kyiv
complains 'install the package tzdata'
run 0 schedule next 'rate(1 day)'
unset TZDIR

it "describe says it in English, and with --json the canonical form too"
run 0 schedule describe 'cron(30 2 LW * ? *)' --zone Europe/Kyiv
out_is 'at 02:30 on the last weekday of every month, Europe/Kyiv'
run 0 schedule describe 'cron(0,15,30,45 * ? * 2-6 *)' --json
out_has '"canonical":"cron(0/15 * ? * MON-FRI *)"'
out_has '"description":"every 15 minutes, every Monday to Friday, UTC"'

it "wrong options are usage errors that point to the verb's help"
run 2 schedule
complains "'rulebus schedule --help'"
run 2 schedule next
complains "'rulebus schedule next --help'"
run 2 schedule next 'rate(1 day)' --from yesterday
complains '--from wants an instant like'
run 2 schedule next 'rate(1 day)' --from 2027-02-29T00:00:00Z
run 2 schedule next 'rate(1 day)' --count 0
run 2 schedule next 'rate(1 day)' --dialect cron

it "test: cases that are as expected pass"
cat >good.jsonl <<'END_OF_CASES'
{"expr": "cron(0 12 * * ? *)", "dialect": "both", "from": "2026-11-23T05:59:30Z", "next": ["2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"]}
{"expr": "cron(0 12 * * ?)", "tz": "Europe/Kyiv", "from": "2026-11-23T05:59:30Z", "next": ["2026-11-23T10:00:00Z"], "dump": "cron(0 12 * * ? *)"}
{"expr": "rate(5 minutes)", "dialect": "rule", "anchor": "2026-11-23T05:59:30Z", "next": ["2026-11-23T06:04:30Z"], "says": "every 5 minutes"}
{"expr": "cron(0 0 30 2 ? *)", "next": []}
{"expr": "cron(60 0 1 1 ? *)", "error": true, "offset": 5}

{"expr": "rate(0 days)", "error": "The number of a rate is 1 to 999999999"}
END_OF_CASES
run 0 schedule test good.jsonl
out_is "6 passed, 0 failed"
quiet

it "test --json: one answer a line, as many instants as the line has"
run 0 schedule test --json good.jsonl
out_is '{"expr":"cron(0 12 * * ? *)","next":["2026-11-23T12:00:00Z","2026-11-24T12:00:00Z"]}
{"expr":"cron(0 12 * * ?)","next":["2026-11-23T10:00:00Z"]}
{"expr":"rate(5 minutes)","next":["2026-11-23T06:04:30Z"]}
{"expr":"cron(0 0 30 2 ? *)","next":[]}
{"expr":"cron(60 0 1 1 ? *)","error":"A minute is 0 to 59; not \"60\""}
{"expr":"rate(0 days)","error":"The number of a rate is 1 to 999999999"}'

it "test: what is not as expected fails, with both"
cat >bad.jsonl <<'END_OF_CASES'
{"expr": "cron(0 12 * * ? *)", "from": "2026-11-23T05:59:30Z", "next": ["2026-11-23T12:01:00Z"]}
{"expr": "cron(0 12 * * ? *)", "error": true}
{"expr": "cron(0 12 * * ?)", "dialect": "both", "from": "2026-11-23T05:59:30Z", "next": ["2026-11-23T12:00:00Z"]}
{"expr": "cron(0 12 * * ? *)", "next": []}
{"expr": "cron(60 0 1 1 ? *)", "error": true, "offset": 6}
{"expr": "cron(60 0 1 1 ? *)", "error": "something else"}
{"expr": "cron(0 12 * * ? *)", "dump": "cron(0 0 12 * * ?)"}
{"expr": "cron(0 12 * * ? *)", "says": "often"}
{"expr": "cron(0 12 * * ? *)", "tz": "Europe/Nowhere", "next": []}
{"next": []}
{"expr": "rate(1 day)", "from": "noon"}
{"expr": "rate(1 day)", "dialect": "cron"}
nonsense
END_OF_CASES
run 1 schedule test bad.jsonl
[ "$(tail -n 1 out)" = "0 passed, 13 failed" ] || fail "every line is wrong in its own way"
out_has 'FAIL bad.jsonl:1 cron(0 12 * * ? *) (scheduler)'
out_has 'expected: ["2026-11-23T12:01:00Z"]'
out_has 'got:      ["2026-11-23T12:00:00Z"]'
out_has 'FAIL bad.jsonl:3 cron(0 12 * * ?) (rule)'
run 1 schedule test --json bad.jsonl
[ "$(wc -l <out)" = 13 ] || fail "thirteen lines give thirteen answers"
err_has "13 of 13 lines are not as expected"

it "test: a line without expectation shows five instants and neither passes nor fails"
echo '{"expr": "cron(0 12 * * ? *)", "from": "2026-11-23T05:59:30Z"}' | run 0 schedule test -
out_is "0 passed, 0 failed, 1 without expectation"
echo '{"expr": "cron(0 12 * * ? *)", "from": "2026-11-23T05:59:30Z"}' | run 0 schedule test --json -
out_has '"2026-11-27T12:00:00Z"]}'
echo '{"expr": "cron(0 60 * * ? *)"}' | run 0 schedule test -
out_is "0 passed, 0 failed, 1 without expectation"
