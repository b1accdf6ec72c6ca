# docs/cli.md:224
rulebus schedule describe 'cron(30 2 LW * ? *)' --zone Europe/Kyiv
rulebus schedule next 'rate(90 minutes)' --dialect rule --json
