# README.md:144
rulebus match --rules examples/data/rules.jsonl --events examples/data/events.jsonl --count
rulebus test examples/data/tests.jsonl
rulebus lint examples/data/rules.jsonl
rulebus explain --pattern '{"detail": {"total": [{"numeric": [">", 100]}]}}' --event '{"detail": {"total": 25}}'
