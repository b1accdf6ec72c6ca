# docs/cli.md:165
rulebus bench --rules examples/data/rules.jsonl --events examples/data/events.jsonl --passes 3
