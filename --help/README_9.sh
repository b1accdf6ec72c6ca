# README.md:159
rulebus bench --rules examples/data/rules.jsonl --events examples/data/events.jsonl --passes 3
