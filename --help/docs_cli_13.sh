# docs/cli.md:198
rulebus schedule next 'cron(30 2 * * ? *)' --zone Europe/Kyiv --from 2027-03-27T00:00:00Z --count 3
