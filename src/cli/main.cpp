// rulebus: event patterns from the command line. Here is only what it is asked; the verbs do it (verbs.hpp).
#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "additions.hpp"
#include "output.hpp"
#include "rulebus/version.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 all fine; 1 a finding (a failed case, an invalid event, an invalid pattern);\n"
    "2 a wrong command line, or a file that cannot be read or written.\n";

constexpr const char* overview =
    "Examples:\n"
    "  rulebus match --rules rules.jsonl --events events.jsonl\n"
    "  rulebus test rules_test.jsonl\n"
    "  rulebus explain --pattern '{\"source\": [\"shop\"]}' --event event.json\n"
    "  rulebus lint rules.jsonl\n"
    "  rulebus bench --rules rules.jsonl --events events.jsonl\n"
    "  rulebus run --config pipeline.json < events.jsonl\n"
    "  rulebus transform inputs_test.jsonl\n"
    "  rulebus schedule next 'cron(30 2 * * ? *)' --zone Europe/Kyiv\n"
    "'rulebus VERB --help' has more.\n\n";

constexpr const char* match_help =
    "A rules file is JSON Lines of {\"name\", \"pattern\"}, or a JSON array of them. Events are one JSON object a\n"
    "line; empty lines are skipped. Each event gives one line {\"matched\": [names]}, an invalid one gives\n"
    "{\"error\", \"offset\"}; --count gives one line {\"counts\": {name: n}, \"events\": n, \"invalid\": n} at the end.\n"
    "Examples:\n"
    "  rulebus match --rules rules.jsonl --events events.jsonl\n"
    "  tail -f events.log | rulebus match --rules rules.jsonl\n"
    "  rulebus match --rules rules.json --events events.jsonl --count --threads 4\n";

constexpr const char* test_help =
    "A line is {\"id\"?, \"rules\": {name: pattern | \"pattern text\" | [several]}, \"event\": object | \"text\",\n"
    "\"matched\": [names]?, \"errors\": [names]?, \"event_error\": true?, \"allow\": [additions]?}; for one pattern\n"
    "also {\"pattern\", \"event\", \"expect\": \"match\" | \"no-match\" | \"error\", \"error_message\"?} and\n"
    "{\"pattern\", \"valid\": true | false}.\n"
    "--json prints {\"id\", \"matched\", \"errors\": {name: message}?, \"event_error\"?} for each line.\n"
    "Examples:\n"
    "  rulebus test rules_test.jsonl more_tests.jsonl\n"
    "  rulebus test --json - < cases.jsonl\n"
    "  rulebus test --envelope --max-wildcard-complexity 10 recorded.jsonl\n";

constexpr const char* explain_help =
    "Says for each field of the pattern what it asks for and what the event has there. With --rules, ranks all\n"
    "rules by how much they lack. --json prints one line for each pattern. The exit code is 0 whether or not it matches.\n"
    "Examples:\n"
    "  rulebus explain --pattern pattern.json --event event.json\n"
    "  rulebus explain --pattern '{\"detail\": {\"total\": [{\"numeric\": [\">\", 100]}]}}' --event '{\"detail\": {\"total\": "
    "99}}'\n"
    "  head -1 events.jsonl | rulebus explain --rules rules.jsonl --limit 3\n";

constexpr const char* lint_help =
    "A file holds one pattern, or rules as 'rulebus match' takes them. Shows each error with its place.\n"
    "Examples:\n"
    "  rulebus lint pattern.json\n"
    "  rulebus lint --json rules.jsonl other_rules.json\n"
    "  echo '{\"source\": []}' | rulebus lint -\n";

constexpr const char* run_help =
    "A configuration is one JSON document, described in docs/configuration.md. Events are one JSON object a line: ready\n"
    "events, which are put as they are, or entries of PutEvents {\"source\", \"detail-type\", \"detail\", ...}. Targets\n"
    "write; what went wrong, and a summary, goes to standard error. Ctrl-C ends it in good order, twice at once.\n"
    "Examples:\n"
    "  rulebus run --config pipeline.json --check\n"
    "  rulebus run --config pipeline.json < events.jsonl > out.jsonl\n"
    "  tail -f events.log | rulebus run --config pipeline.json --undelivered left.jsonl\n";

constexpr const char* bench_help =
    "Loads everything into memory and checks every event first. Each timed pass over the events is followed by one of\n"
    "simdjson's On-Demand iterate over the same events, the floor for anything that reads them.\n"
    "With --config, events are put into the configuration's buses instead, and each pass ends when all is delivered.\n"
    "Examples:\n"
    "  rulebus bench --rules rules.jsonl --events events.jsonl\n"
    "  rulebus bench --config pipeline.json --events events.jsonl --json\n"
    "  rulebus bench --rules rules.jsonl --events events.jsonl --threads 4 --trust --passes 10 --json\n";

constexpr const char* transform_help =
    "A line is {\"id\"?, \"event\": object | \"text\", and what the target has: \"input\" | \"input_path\" |\n"
    "\"input_transformer\": {\"InputPathsMap\": {variable: path}?, \"InputTemplate\"}; \"target_id\"?,\n"
    "\"rule\": {\"rule_name\", \"rule_arn\", \"ingestion_time\"}?, and what is expected: \"delivered\"? |\n"
    "\"delivered_text\"? | \"error\"? | \"error_message\"? | \"dropped\": true | \"reason\"}.\n"
    "--json prints {\"id\", \"delivered\"}, {\"id\", \"error\"} or {\"id\", \"dropped\": reason} for each line.\n"
    "Examples:\n"
    "  rulebus transform inputs_test.jsonl\n"
    "  rulebus transform --json - < cases.jsonl\n";

constexpr const char* schedule_help =
    "Examples:\n"
    "  rulebus schedule next 'cron(30 2 * * ? *)' --zone Europe/Kyiv\n"
    "  rulebus schedule describe 'cron(0 9 ? * MON-FRI *)'\n"
    "  rulebus schedule test schedules.jsonl\n"
    "'rulebus schedule VERB --help' has more.\n";

constexpr const char* schedule_next_help =
    "cron(…), rate(…) or at(…), as EventBridge has them. Instants are behind --from; those of a rate are counted from\n"
    "--anchor, by default --from itself: a scheduler's rate fires there first, a rule's one period later.\n"
    "--json prints {\"expr\", \"zone\", \"next\": [instants]} or {\"expr\", \"error\", \"offset\"}.\n"
    "Examples:\n"
    "  rulebus schedule next 'cron(30 2 * * ? *)' --zone Europe/Kyiv --from 2027-03-27T00:00:00Z --count 3\n"
    "  rulebus schedule next 'rate(90 minutes)' --dialect rule --from 2026-11-28T10:00:00+02:00 --json\n";

constexpr const char* schedule_describe_help =
    "Says in English when an expression fires. --json prints {\"expr\", \"zone\", \"canonical\", \"description\"}.\n"
    "Examples:\n"
    "  rulebus schedule describe 'cron(30 2 LW * ? *)' --zone Europe/Kyiv\n";

constexpr const char* schedule_test_help =
    "A line is {\"expr\", \"dialect\": \"rule\" | \"scheduler\" | \"both\"?, \"tz\"?, \"from\"?, \"anchor\"?, and\n"
    "\"next\": [instants] | \"error\": true | \"message\"; \"offset\"?, \"dump\"?, \"says\"?}.\n"
    "--json prints {\"expr\", \"next\"} or {\"expr\", \"error\"} for each line, with as many instants as the line has.\n"
    "Examples:\n"
    "  rulebus schedule test schedules.jsonl\n"
    "  rulebus schedule test --json - < schedules.jsonl\n";

/// Empty when it is one of --allow's words, otherwise a complaint.
std::string check_addition(const std::string& word) {
  pattern_options unused;
  return allow(unused, word) ? "" : word + " is none of " + all_additions();
}

class command_line {
 public:
  command_line() {
    app_.name("rulebus");
    app_.set_version_flag("--version", "rulebus " RULEBUS_VERSION);
    app_.require_subcommand(1);
    app_.footer(std::string(overview) + exit_codes);
    add_colour(&app_);
    add_match();
    add_test();
    add_explain();
    add_lint();
    add_run();
    add_bench();
    add_transform();
    add_schedule();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      if (e.get_exit_code() == 0) {
        return app_.exit(e);  // prints help or the version
      }
      complain(std::string(e.what()) + "; see 'rulebus " + verb() + "--help'");
      return exit_usage;
    }
    for (const std::string& word : allowed_) allow(common_.patterns, word);
    if (colour_ != "auto") common_.colour = colour_ == "always" ? colour_choice::always : colour_choice::never;
    if (app_.got_subcommand("match")) return run_match(match_, common_);
    if (app_.got_subcommand("test")) return run_test(test_, common_);
    if (app_.got_subcommand("explain")) return run_explain(explain_, common_);
    if (app_.got_subcommand("lint")) return run_lint(lint_, common_);
    if (app_.got_subcommand("run")) return run_run(run_, common_);
    if (app_.got_subcommand("transform")) return run_transform(transform_, common_);
    if (app_.got_subcommand("schedule")) return run_schedule();
    return run_bench(bench_, common_);
  }

 private:
  /// "match ", "schedule next ": as far as it was said.
  std::string verb() const {
    std::string out;
    for (auto subs = app_.get_subcommands(); !subs.empty(); subs = subs.front()->get_subcommands()) {
      out += subs.front()->get_name() + ' ';
    }
    return out;
  }

  int run_schedule() {
    schedule_expression_.rule = dialect_ == "rule";
    const CLI::App* schedule = app_.get_subcommand("schedule");
    if (schedule->got_subcommand("test")) return run_schedule_test(test_, common_);
    if (schedule->got_subcommand("describe")) return run_schedule_describe(schedule_expression_, common_);
    return run_schedule_next(schedule_expression_, common_);
  }

  CLI::App* add(const char* name, const char* what, const char* help) { return add(app_, name, what, help); }
  static CLI::App* add(CLI::App& parent, const char* name, const char* what, const char* help) {
    CLI::App* verb = parent.add_subcommand(name, what);
    verb->footer(std::string(help) + '\n' + exit_codes);
    return verb;
  }
  /// The options that all verbs have; added last, so that help shows them last.
  void add_common(CLI::App* verb) {
    verb->add_option("--allow", allowed_, "Additions to the language: " + all_additions())
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(check_addition)
        ->option_text("LIST");
    verb->add_option("--max-wildcard-complexity", common_.patterns.max_wildcard_complexity,
                     "Refuse wildcards beyond this, as the service does (0: no limit)")
        ->option_text("N");
    add_colour(verb);
  }
  void add_colour(CLI::App* app) {
    app->add_option("--color", colour_, "Colours; auto: on a terminal, unless NO_COLOR is set")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->option_text("auto|always|never");
  }
  void add_json(CLI::App* verb) { verb->add_flag("--json", common_.json, "Print JSON, for programs"); }
  static void add_threads(CLI::App* verb, unsigned& threads) {
    verb->add_option("--threads", threads, "Threads that match (1)")->check(CLI::Range(1, 256))->option_text("N");
  }

  void add_match() {
    CLI::App* verb = add("match", "Which rules match each event", match_help);
    verb->add_option("--rules", match_.rules, "Rules (required)")->required()->option_text("FILE");
    verb->add_option("--events", match_.events, "Events; standard input by default")->option_text("FILE|-");
    verb->add_flag("--count", match_.count, "Print how many events each rule matched, instead of a line for each event");
    add_threads(verb, match_.threads);
    add_common(verb);
  }

  void add_test() {
    CLI::App* verb = add("test", "Unit tests for rules", test_help);
    verb->add_option("FILE", test_.files, "Tests, one a line; - is standard input")->required()->option_text("…");
    verb->add_flag("--envelope", test_.envelope, "Refuse events without the members that the service requires");
    add_json(verb);
    add_common(verb);
  }

  void add_explain() {
    CLI::App* verb = add("explain", "Why an event matches or not", explain_help);
    verb->add_option("--pattern", explain_.pattern, "The pattern, or a file with it")->option_text("FILE|TEXT");
    verb->add_option("--rules", explain_.rules, "Or many, to rank")->option_text("FILE");
    verb->add_option("--event", explain_.event, "The event, or a file with it; standard input by default")
        ->option_text("FILE|TEXT|-");
    verb->add_option("--limit", explain_.limit, "Show so many rules (5)")->check(CLI::PositiveNumber)->option_text("N");
    add_json(verb);
    add_common(verb);
  }

  void add_lint() {
    CLI::App* verb = add("lint", "Are patterns valid, and if not, why", lint_help);
    verb->add_option("FILE", lint_.files, "Patterns or rules; - is standard input")->required()->option_text("…");
    add_json(verb);
    add_common(verb);
  }

  static void add_pipeline(CLI::App* verb, pipeline_options& options) {
    verb->add_option("--account", options.account, "Account of new events, 12 digits (000000000000)")
        ->check([](const std::string& text) {
          const bool digits = text.size() == 12 && text.find_first_not_of("0123456789") == std::string::npos;
          return digits ? std::string() : text + " is no account, which has 12 digits";
        })
        ->option_text("N");
    verb->add_option("--region", options.region, "Region of new events (local)")
        ->check([](const std::string& text) {
          const bool good = !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
          return good ? std::string() : text + " is no region, which has small letters, digits and dashes";
        })
        ->option_text("NAME");
  }

  void add_run() {
    CLI::App* verb = add("run", "Put events through buses, rules and targets", run_help);
    verb->add_option("--config", run_.pipeline.config, "Buses, rules and targets (required)")->required()->option_text("FILE");
    verb->add_option("--events", run_.events, "Events; standard input by default")->option_text("FILE|-");
    verb->add_option("--event-bus", run_.event_bus, "Bus for events that name none (default)")->option_text("NAME");
    verb->add_option("--as", run_.as, "What a line is; auto: an entry if it has a source, a detail-type, no id and no version")
        ->check(CLI::IsMember({"auto", "events", "entries"}))
        ->option_text("auto|events|entries");
    verb->add_flag("--check", run_.check, "Only say whether the configuration is valid");
    verb->add_option("--drain", run_.drain, "Seconds to wait at the end for what is not delivered (30)")
        ->check(CLI::Range(0.0, 86400.0))
        ->option_text("S");
    verb->add_option("--undelivered", run_.undelivered, "Write what was not delivered to a file, one a line")
        ->option_text("FILE");
    add_pipeline(verb, run_.pipeline);
    verb->add_option("--threads", run_.pipeline.threads, "Threads that deliver (1)")->check(CLI::Range(1, 256))->option_text("N");
    add_json(verb);
    add_common(verb);
  }

  void add_bench() {
    CLI::App* verb = add("bench", "How fast your rules match your events", bench_help);
    verb->add_option("--rules", bench_.rules, "Rules: how fast they match")->option_text("FILE");
    verb->add_option("--config", bench_.pipeline.config, "Or buses, rules and targets: how fast events go through")
        ->option_text("FILE");
    verb->add_flag("--real-targets", bench_.real_targets, "Deliver to the configuration's targets, not to ones that only count");
    verb->add_option("--events", bench_.events, "Events (required)")->required()->option_text("FILE");
    verb->add_option("--passes", bench_.passes, "Timed passes (5)")->check(CLI::Range(1, 1000000))->option_text("N");
    verb->add_option("--warmup", bench_.warmup, "Passes before that (1)")->check(CLI::Range(0, 1000000))->option_text("N");
    add_threads(verb, bench_.threads);
    verb->add_flag("--trust", bench_.trust,
                   "Events are known to be valid and to repeat no key: stop reading at the last needed field");
    add_json(verb);
    add_common(verb);
  }

  void add_transform() {
    CLI::App* verb = add("transform", "What targets are given instead of events", transform_help);
    verb->add_option("FILE", transform_.files, "Cases, one a line; - is standard input")->required()->option_text("…");
    verb->add_flag("--aws-limits", transform_.aws_limits, "Refuse what is longer than the service takes");
    verb->add_flag("--quoted-names", transform_.quoted_names, "Take paths like $.detail['any key'], which the service does not");
    add_json(verb);
    add_common(verb);
  }

  void add_schedule() {
    CLI::App* schedule = add("schedule", "When does cron(…), rate(…) or at(…) fire", schedule_help);
    schedule->require_subcommand(1);
    add_colour(schedule);
    CLI::App* next = add(*schedule, "next", "The next instants", schedule_next_help);
    add_expression(next);
    next->add_option("--from", schedule_expression_.from, "Instants behind this one (now)")->option_text("T");
    next->add_option("--anchor", schedule_expression_.anchor, "What a rate is counted from (--from)")->option_text("T");
    next->add_option("--count", schedule_expression_.count, "So many (5)")->check(CLI::Range(1, 1000000))->option_text("N");
    add_json(next);
    add_colour(next);
    CLI::App* describe = add(*schedule, "describe", "In English", schedule_describe_help);
    add_expression(describe);
    add_json(describe);
    add_colour(describe);
    CLI::App* test = add(*schedule, "test", "Unit tests for schedules", schedule_test_help);
    test->add_option("FILE", test_.files, "Cases, one a line; - is standard input")->required()->option_text("…");
    add_json(test);
    add_colour(test);
  }
  void add_expression(CLI::App* verb) {
    verb->add_option("EXPR", schedule_expression_.expression, "The expression")->required()->option_text(" ");
    verb->add_option("--zone", schedule_expression_.zone, "Time zone of the IANA database (UTC)")->option_text("Z");
    verb->add_option("--dialect", dialect_, "Of PutRule or of EventBridge Scheduler (scheduler)")
        ->check(CLI::IsMember({"rule", "scheduler"}))
        ->option_text("rule|scheduler");
  }

  CLI::App app_{"rulebus: event patterns on real events."};
  std::string colour_ = "auto", dialect_ = "scheduler";
  std::vector<std::string> allowed_;
  common_options common_;
  match_options match_;
  test_options test_;
  explain_options explain_;
  lint_options lint_;
  run_options run_;
  bench_options bench_;
  transform_options transform_;
  schedule_options schedule_expression_;
};

}  // namespace
}  // namespace rulebus::cli

int main(int argc, char** argv) {
  using namespace rulebus::cli;
  try {
    return command_line().run(argc, argv);
  } catch (const std::bad_alloc&) {
    complain("out of memory; give it smaller input, or more memory");
  } catch (const std::exception& e) {
    complain(e.what());
  }
  return exit_usage;
}
