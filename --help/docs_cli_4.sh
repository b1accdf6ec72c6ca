# docs/cli.md:75
rulebus match --rules examples/data/rules.jsonl --count --threads 2 < examples/data/events.jsonl
