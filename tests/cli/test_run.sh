#!/usr/bin/env bash
# rulebus run
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

cat >pipeline.json <<'END'
{"buses": [
  {"name": "default", "rules": [
    {"name": "big", "event_pattern": {"detail": {"total": [{"numeric": [">", 100]}]}},
     "targets": [{"id": "out", "type": "stdout", "input_path": "$.detail"},
                 {"id": "log", "type": "file", "path": "big.jsonl"},
                 {"id": "audit", "type": "bus", "event_bus_name": "audit"}]}]},
  {"name": "audit", "rules": [
    {"name": "all", "event_pattern": {"source": [{"exists": true}]}, "targets": [{"id": "log", "type": "file", "path": "audit.jsonl"}]}]}
]}
END
ready='{"id":"x","source":"shop","detail-type":"Order","detail":{"total":101}}'
entry='{"source":"shop","detail-type":"Order","detail":{ "total": 102 }}'

it "ready events go as they are, entries become events, and targets write"
printf '%s\n' "$ready" "$entry" '{"detail":{"total":1}}' >events.jsonl
run 0 run --config pipeline.json --events events.jsonl
out_is '{"total":101}
{"total":102}'
err_has "rulebus: 3 events, 4 matched; 8 deliveries, 8 delivered"
[ "$(head -n 1 big.jsonl)" = "$ready" ] || fail "a ready event has changed"
cmp -s big.jsonl audit.jsonl || fail "the other bus got something else"
sed -n 2p big.jsonl | grep -q '^{"version":"0","id":"[0-9a-f-]*","detail-type":"Order","source":"shop","account":"000000000000","time":"....-..-..T..:..:..Z","region":"local","resources":\[\],"detail":{"total":102}}$' ||
  fail "the envelope is not as it should be: $(sed -n 2p big.jsonl)"

it "events come from standard input by default"
run 0 run --config pipeline.json <events.jsonl
out_is '{"total":101}
{"total":102}'

it "the configuration may come from standard input, but not together with events"
run 0 run --config - --events events.jsonl <pipeline.json
run 2 run --config - <pipeline.json
complains "cannot both come from standard input"

it "entries may be as the AWS CLI has them, with all that an entry can have"
printf '%s\n' '{"Source":"shop","DetailType":"Order","Detail":"{\"total\": 103}","Time":"2026-01-02T03:04:05Z","Resources":["arn:a"],"EventBusName":"audit"}' \
  '{"source":"shop","detail_type":"Order","detail":{},"time":1767323045,"tags":{"team":"pay"},"event_bus_name":"arn:aws:events:eu-north-1:111122223333:event-bus/audit","deduplication_id":"d","ordering_key":"k","trace_header":"t","traceparent":"p"}' \
  '{"source":"shop","detail_type":"Order","detail":{},"deduplication_id":"d","event_bus_name":"audit"}' >entries.jsonl
rm audit.jsonl
run 0 run --config pipeline.json --events entries.jsonl --account 111122223333 --region eu-north-1
silent
[ "$(wc -l <audit.jsonl)" = 2 ] || fail "the repeated entry was put again"
grep -q '"time":"2026-01-02T03:04:05Z","region":"eu-north-1","resources":\["arn:a"\],"detail":{"total":103}}' audit.jsonl || fail "the first entry"
sed -n 2p audit.jsonl | grep -q '"account":"111122223333","time":"2026-01-02T03:04:05Z".*"tags":{"team":"pay"},"detail":{}}$' || fail "the second entry"

it "invalid lines are told with their place, the rest goes on, and the exit code is 1"
printf '%s\n' "$ready" 'nonsense' '' '{"source":"a","detail-type":"b"}' '{"source":"a","detail-type":"b","detail":{},"oops":1}' \
  '{"source":"a","detail-type":"b","detail":[]}' '{"source":"a","detail-type":"b","detail":{},"time":"noon"}' \
  '{"source":"a","detail-type":1,"detail":{}}' "$ready" >bad.jsonl
run 1 run --config pipeline.json --events bad.jsonl
[ "$(wc -l <out)" = 2 ] || fail "both good events are delivered"
err_has "bad.jsonl:2:1: Unrecognized token 'nonsense'"
err_has "bad.jsonl:4:1: Parameter Detail is not valid. Reason: Detail is a required argument."
err_has "bad.jsonl:5:52: oops is no member of an entry"
err_has "bad.jsonl:6:1: Detail is malformed."
err_has "bad.jsonl:7:"
err_has "bad.jsonl:8:29: detail-type must be a string"
err_has "8 events, 6 invalid, 4 matched"

it "only the first ten of a kind are told"
yes nonsense | head -n 50 >many.jsonl
run 1 run --config pipeline.json --events many.jsonl
[ "$(grep -c 'not put$' err)" = 10 ] || fail "ten are enough"
err_has "more invalid events follow"
err_has "50 events, 50 invalid"

it "what a line is can be said"
run 0 run --config pipeline.json --events events.jsonl --as events
run 1 run --config pipeline.json --events events.jsonl --as entries
err_has "id is no member of an entry"

it "events without a bus go to the one that is named, which must be there"
rm audit.jsonl
run 0 run --config pipeline.json --events events.jsonl --event-bus audit
silent
[ "$(wc -l <audit.jsonl)" = 2 ] || fail "the audit bus has both events that have a source"
run 2 run --config pipeline.json --events events.jsonl --event-bus nobody
complains "--event-bus: Event bus nobody does not exist."

it "an entry for a bus that does not exist goes nowhere, as at the service, and is counted"
echo '{"source":"a","detail-type":"b","detail":{},"event_bus_name":"nobody"}' >nobody.jsonl
run 0 run --config pipeline.json --events nobody.jsonl
err_has "1 events, 1 for buses that do not exist, 0 matched"

it "--json gives the summary as one object on standard error"
run 0 run --config pipeline.json --events events.jsonl --json
grep -q '^{"events":3,"invalid":0,"matched":4,"unknown_bus":0,"deliveries":8,"delivered":8,"retries":0,"dead_lettered":0,"dropped":0,"undelivered":0,"interrupted":false,"seconds":[0-9.]*}$' err ||
  fail "the summary is $(cat err)"

it "--check says whether the configuration is valid, and makes nothing"
rm -f big.jsonl audit.jsonl
run 0 run --config pipeline.json --check
out_is "pipeline.json: valid"
quiet
[ ! -e big.jsonl ] || fail "a file was made"
run 0 run --config pipeline.json --check --json
out_is '{"valid":true}'

it "an invalid configuration is shown at its place, and nothing runs"
sed 's/"numeric": \[">"/"numeric": ["~"/' pipeline.json >broken.json
for more in --check "--events events.jsonl"; do
  # shellcheck disable=SC2086
  run 1 run --config broken.json $more
  silent
  err_has 'rulebus: broken.json:3:73: buses[0].rules[0].event_pattern.detail.total[0].numeric[0]: Unrecognized numeric range operator: ~'
  err_has '^'
done
run 1 run --config broken.json --check --json
grep -q '^{"valid":false,"error":"buses\[0\].rules\[0\].event_pattern.detail.total\[0\].numeric\[0\]: .*","code":"invalid_pattern","offset":[0-9]*,"line":3,"column":73}$' out ||
  fail "the finding is $(cat out)"
run 2 run --config no-such-file.json
complains "cannot read no-such-file.json"

it "additions to the language are those that are allowed"
sed 's/{"numeric": \[">", 100\]}/{"regexp": "1.."}/' pipeline.json >regexp.json
run 1 run --config regexp.json --check
run 0 run --config regexp.json --check --allow regexp

it "what cannot be delivered is told, and --undelivered keeps it"
cat >failing.json <<'END'
{"buses": [{"name": "default", "rules": [
  {"name": "all", "event_pattern": {"source": ["shop"]},
   "targets": [{"id": "full", "type": "file", "path": "/dev/full",
                "delivery": {"retry_policy": {"backoff_base_in_milliseconds": 10000, "backoff_cap_in_milliseconds": 10000}}}]}]}]}
END
if [ -w /dev/full ]; then
  run 1 run --config failing.json --events events.jsonl --drain 0.1 --undelivered left.jsonl
  err_has "bus default, rule all, target full: not delivered after 1 attempt: "
  err_has "2 not delivered"
  [ "$(wc -l <left.jsonl)" = 2 ] || fail "both events are kept"
  grep -q '^{"event_bus_name":"default","rule":"all","target":"full","attempts":1,"error":".*","event":{"id":"x",.*}}$' left.jsonl ||
    fail "they are $(cat left.jsonl)"

  it "a failure that is the end is told, and what the dead-letter target has is no loss"
  sed 's/"retry_policy": {[^}]*}/"retry_policy": {"maximum_retry_attempts": 0}/' failing.json >once.json
  run 1 run --config once.json --events events.jsonl
  err_has "bus default, rule all, target full: "
  err_has "dropped after 1 attempt"
  err_has "2 dropped"
  sed 's|"path": "/dev/full",|"path": "/dev/full", "dead_letter": {"type": "file", "path": "dead.jsonl"},|' once.json >dead.json
  run 0 run --config dead.json --events events.jsonl
  err_has "a dead letter after 1 attempt"
  err_has "2 dead letters"
  [ "$(wc -l <dead.jsonl)" = 2 ] || fail "both events are dead letters"
fi

it "answers go out as soon as an event is there, and a signal ends a stream in good order"
mkfifo stream
"$RULEBUS" run --config pipeline.json <stream >out 2>err &
tool=$!
exec 3>stream
printf '%s\n' "$ready" >&3
for _ in $(seq 200); do
  if [ -s out ]; then break; fi
  sleep 0.05
done
out_is '{"total":101}'
printf '{"id":"cut off' >&3
kill -INT $tool
code=0
wait $tool || code=$?
exec 3>&-
[ $code = 0 ] || fail "exit code $code after a signal with nothing left"
err_has "1 events, 2 matched; 4 deliveries, 4 delivered"
err_has ", interrupted"

it "a second signal ends the waiting, too"
if [ -w /dev/full ]; then
  "$RULEBUS" run --config failing.json --events events.jsonl >out 2>err &
  tool=$!
  sleep 0.5
  kill -TERM $tool
  sleep 0.2
  kill -TERM $tool
  code=0
  wait $tool || code=$?
  [ $code = 1 ] || fail "exit code $code with two events left"
  err_has "2 not delivered"
  err_has ", interrupted"
fi

it "who closes the pipe does not end the other targets"
rm -f big.jsonl
yes "$ready" | head -n 20000 >long.jsonl
code=0
"$RULEBUS" run --config pipeline.json --events long.jsonl 2>err | head -n 1 >/dev/null || code=$?
[ "$(wc -l <big.jsonl)" = 20000 ] || fail "the file has $(wc -l <big.jsonl) lines"
err_has "cannot write to standard output: Broken pipe"
