# docs/cli.md:113
rulebus test examples/data/tests.jsonl
