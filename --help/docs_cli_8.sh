# docs/cli.md:127
rulebus explain --pattern '{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}' \
                --event '{"source": "shop", "detail": {"total": 99}}'
