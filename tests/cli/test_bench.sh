#!/usr/bin/env bash
# rulebus bench: what it prints, not how fast it is.
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

cat >rules.jsonl <<'END'
{"name": "one", "expected": 1, "pattern": {"a": [1]}}
{"name": "any", "pattern": {"a": [{"exists": true}]}}
END
for i in $(seq 300); do echo '{"a": '$((i % 3))', "text": "some more that no rule looks at"}'; done >events.jsonl

it "--json has the promised keys, in one line"
run 0 bench --rules rules.jsonl --events events.jsonl --passes 3 --warmup 1 --json
[ "$(wc -l <out)" = 1 ] || fail "one line"
number='[0-9.e+-]*'
expected='^{"rules":2,"events":300,"event_bytes":'$(($(wc -c <events.jsonl) - 300))',"add_seconds":N,"matcher_bytes":N,'
expected+='"passes":3,"threads":1,"events_per_second":{"min":N,"median":N,"max":N},"bytes_per_second":N,'
expected+='"nanoseconds_per_event":N,"matches_per_pass":400,"allocations_per_event":N,"floor_nanoseconds_per_event":N,'
expected+='"floor_implementation":"[a-z0-9]*"}$'
grep -q "${expected//N/$number}" out || fail "the keys are not those"
quiet

it "after warm-up nothing is allocated"
out_has '"allocations_per_event":0,"'

it "the table has the same for people, with the ratio to the floor"
run 0 bench --rules rules.jsonl --events events.jsonl
for row in rules events passes matches throughput "per event" floor ratio; do out_has "$row"; done
out_has "× floor"
out_has "(simdjson iterate, "
out_has "400 in each pass"

it "a floor that is none is not shown as one"
SIMDJSON_FORCE_IMPLEMENTATION=no-such run 2 bench --rules rules.jsonl --events events.jsonl
complains "SIMDJSON_FORCE_IMPLEMENTATION"

it "each thread matches all events"
run 0 bench --rules rules.jsonl --events events.jsonl --threads 2 --passes 2 --json
out_has '"passes":2,"threads":2,'
out_has '"matches_per_pass":400,'

it "trusted events give the same answers"
run 0 bench --rules rules.jsonl --events events.jsonl --trust --passes 1 --warmup 0 --json
out_has '"matches_per_pass":400,'

it "events may come from standard input, with CRLF, empty lines and no newline at the end"
printf '{"a": 1}\r\n\n{"a": 2}' | run 0 bench --rules rules.jsonl --events - --json --passes 1
out_has '"events":2,"event_bytes":16,'

it "an invalid event is found before anything is timed"
{ head -n 9 events.jsonl; echo; echo '{"a": }'; } >bad.jsonl
run 1 bench --rules rules.jsonl --events bad.jsonl
complains "bad.jsonl:11:7: "

it "an invalid rule too"
echo '{"name": "bad", "pattern": {"a": []}}' >bad_rules.jsonl
run 1 bench --rules bad_rules.jsonl --events events.jsonl
complains "bad_rules.jsonl:1:"

it "without events there is nothing to measure"
run 2 bench --rules rules.jsonl --events /dev/null
complains "has no events"

it "passes must be a number above zero"
run 2 bench --rules rules.jsonl --events events.jsonl --passes 0
complains "--passes"

cat >pipeline.json <<'END'
{"buses": [
  {"name": "default", "rules": [{"name": "all", "event_pattern": {"a": [{"exists": true}]},
    "targets": [{"id": "file", "type": "file", "path": "made.jsonl"}, {"id": "next", "type": "bus", "event_bus_name": "next"}]}]},
  {"name": "next", "rules": [{"name": "all", "event_pattern": {"a": [{"exists": true}]}, "targets": [
    {"id": "out", "type": "stdout", "delivery": {"dispatch": "executor"}}]}]}]}
END
printf '{"a": %d}\n' 1 2 3 4 >pipeline.jsonl
echo '{"source": "shop", "detail-type": "t", "detail": {}, "deduplication_id": "same"}' >>pipeline.jsonl

it "a configuration is measured from the put to the last delivery, with targets that only count"
run 0 bench --config pipeline.json --events pipeline.jsonl --passes 2 --json
grep -q '^{"buses":2,"rules":2,"targets":3,"events":5,"event_bytes":[0-9]*,"load_seconds":[0-9.e-]*,"passes":2,"threads":1,"events_per_second":{"min":[0-9.e+]*,"median":[0-9.e+]*,"max":[0-9.e+]*},"deliveries_per_second":{"min":.*},"bytes_per_second":[0-9.e+]*,"nanoseconds_per_event":[0-9.e+]*,"deliveries_per_pass":12,"allocations_per_event":[0-9.e+]*,"latency_nanoseconds":{"p50":[1-9][0-9]*,"p99":[1-9][0-9]*,"p999":[1-9][0-9]*}}$' out ||
  fail "the result is $(cat out)"
[ ! -e made.jsonl ] || fail "a target wrote"
run 0 bench --config pipeline.json --events pipeline.jsonl --passes 2 --threads 2
out_has "deliveries   12 in each pass"
out_has "latency"

it "or with the real ones"
run 0 bench --config pipeline.json --events pipeline.jsonl --passes 1 --warmup 0 --real-targets --json
[ "$(wc -l <made.jsonl)" = 8 ] || fail "the first look and one pass write 8 lines"
[ "$(grep -c '^{"a": ' out)" = 8 ] || fail "8 lines on standard output"

it "what is wrong with a configuration or with events is told before anything is timed"
run 1 bench --config rules.jsonl --events pipeline.jsonl
err_has "rulebus: rules.jsonl:"
echo '{"source": "shop", "detail-type": "t"}' >entry.jsonl
run 1 bench --config pipeline.json --events entry.jsonl
complains "entry.jsonl:1:1: Parameter Detail is not valid."

it "rules or a configuration, not both, and one of them"
run 2 bench --config pipeline.json --rules rules.jsonl --events events.jsonl
complains "--config excludes --rules"
run 2 bench --events events.jsonl
complains "bench needs --rules, or --config"
