# docs/cli.md:52
rulebus match --rules examples/data/rules.jsonl --events examples/data/events.jsonl
