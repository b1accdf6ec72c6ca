# docs/cli.md:250
echo '{"expr": "rate(1 day)", "anchor": "2027-01-01T09:00:00Z", "next": ["2027-01-01T09:00:00Z"]}' | rulebus schedule test -
