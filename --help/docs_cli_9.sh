# docs/cli.md:139
head -n 1 examples/data/events.jsonl | rulebus explain --rules examples/data/rules.jsonl --limit 3
