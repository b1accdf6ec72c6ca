#!/usr/bin/env bash
# rulebus match on long streams: order, threads, memory, promptness.
. "$RULEBUS_SOURCE_DIR/tests/cli/common.sh"

for i in 0 1 2 3 4 5 6; do echo '{"name": "r'$i'", "pattern": {"n": {"mod": ['$i']}}}'; done >rules.jsonl
awk 'BEGIN {
  for (i = 0; i < 200000; i++) {
    printf "{\"id\": %d, \"n\": {\"mod\": %d}, \"pad\": \"some text that no rule looks at\"}\n", i, i % 10 > "events.jsonl"
    if (i % 10 < 7) printf "{\"matched\":[\"r%d\"]}\n", i % 10 > "expected"
    else print "{\"matched\":[]}" > "expected"
  }
}'

it "200,000 events give 200,000 answers in order"
run 0 match --rules rules.jsonl --events events.jsonl
cmp -s expected out || fail "the answers differ"

it "threads keep the order"
run 0 match --rules rules.jsonl --events events.jsonl --threads 4
cmp -s expected out || fail "the answers differ"

it "counting gives the same totals with any number of threads"
counts='{"counts":{"r0":20000,"r1":20000,"r2":20000,"r3":20000,"r4":20000,"r5":20000,"r6":20000},"events":200000,"invalid":0}'
run 0 match --rules rules.jsonl --events events.jsonl --count
out_is "$counts"
run 0 match --rules rules.jsonl --count --threads 3 <events.jsonl
out_is "$counts"

it "invalid events keep their places among threads"
sed '150000s/.*/{"n": }/' events.jsonl >one_bad.jsonl
run 1 match --rules rules.jsonl --events one_bad.jsonl --threads 4
sed '150000d' out >rest
sed '150000d' expected | cmp -s - rest || fail "the other answers differ"
sed -n 150000p out | grep -q '^{"error":' || fail "line 150,000 is not the error"
run 1 match --rules rules.jsonl --events one_bad.jsonl --threads 4 --count
err_has "one_bad.jsonl:150000:7: "

it "nothing but results when piped: no progress"
quiet_run=$("$RULEBUS" match --rules rules.jsonl --events events.jsonl 2>&1 >/dev/null)
[ -z "$quiet_run" ] || fail "standard error has: $quiet_run"

if command -v script >/dev/null; then
  it "on a terminal long work shows how far it is, and takes that away at the end"
  slow="(cat events.jsonl; sleep 1; cat events.jsonl) | '$RULEBUS' match --rules rules.jsonl --count"
  TERM=xterm script -qec "$slow >counted" /dev/null </dev/null >terminal
  grep -q '[0-9] events' terminal || fail "the terminal shows no number of events"
  [ "$(tail -c 4 terminal)" = $'\r\033[K' ] || fail "the line is still there"
  grep -q '"events":400000,' counted || fail "the result is not on standard output"
  TERM=dumb script -qec "$slow >counted" /dev/null </dev/null >terminal
  [ ! -s terminal ] || fail "a dumb terminal shows something"
fi

it "an answer comes as soon as its event is complete"
mkfifo pipe
for threads in 1 3; do
  "$RULEBUS" match --rules rules.jsonl --threads $threads <pipe >answers &
  pid=$!
  exec 3>pipe
  echo '{"n": {"mod": 3}}' >&3
  for _ in $(seq 100); do if [ -s answers ]; then break; fi; sleep 0.1; done
  [ "$(cat answers)" = '{"matched":["r3"]}' ] || fail "no answer while the stream is open, with $threads threads"
  exec 3>&-
  wait $pid || fail "exit code $? at the end of the stream"
done

# peak ARGUMENT…: peak resident memory of rulebus in kilobytes, standard output dropped.
peak() { /usr/bin/time -f %M "$RULEBUS" "$@" 2>&1 >/dev/null | tail -n 1; }
if [ -x /usr/bin/time ]; then
  it "memory does not grow with the stream"
  head -n 2000 events.jsonl >few.jsonl
  for threads in 1 4; do
    few=$(peak match --rules rules.jsonl --events few.jsonl --threads $threads)
    many=$(for _ in 1 2 3; do cat events.jsonl; done | peak match --rules rules.jsonl --threads $threads)
    [ "$many" -lt $((few + 24000)) ] || fail "$many KB for 600,000 events, $few KB for 2,000, with $threads threads"
  done
else
  echo "skipped: no /usr/bin/time to measure memory with"
fi

it "a line beyond the limit is an error in its place, and the next one is fine"
{ echo '{"n": {"mod": 1}}'; head -c 70000000 /dev/zero | tr '\0' x; echo '{"n": 1}'; echo '{"n": {"mod": 2}}'; } >long.jsonl
run 1 match --rules rules.jsonl --events long.jsonl
out_is '{"matched":["r1"]}
{"error":"a line of more than 67108864 bytes","offset":67108864}
{"matched":["r2"]}'
