# docs/cli.md:159
rulebus lint examples/data/rules.jsonl
