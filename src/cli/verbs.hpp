// verbs: what each verb of the command line is asked, and the functions that do it. main.cpp fills the options.
// Every function returns an exit code (output.hpp), and throws failure for usage and I/O errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "output.hpp"
#include "rulebus/pattern.hpp"

namespace rulebus::cli {

/// Options that all verbs take.
struct common_options {
  pattern_options patterns{};                       ///< --allow, --max-wildcard-complexity
  colour_choice colour = colour_choice::automatic;  ///< --color
  bool json = false;                                ///< --json, where a verb has it
};

struct match_options {
  std::string rules{};       ///< file
  std::string events = "-";  ///< file or -
  bool count = false;
  unsigned threads = 1;
};
int run_match(const match_options& options, const common_options& common);

struct test_options {
  std::vector<std::string> files{};  ///< or -
  bool envelope = false;             ///< events need the service's envelope
};
int run_test(const test_options& options, const common_options& common);

struct explain_options {
  std::string pattern{};    ///< file or text
  std::string rules{};      ///< or a rules file
  std::string event = "-";  ///< file, text or -
  std::size_t limit = 5;    ///< rules to explain
};
int run_explain(const explain_options& options, const common_options& common);

struct lint_options {
  std::vector<std::string> files{};  ///< or -
};
int run_lint(const lint_options& options, const common_options& common);

/// What the verbs that run a configuration have in common.
struct pipeline_options {
  std::string config{};                  ///< file or -
  std::string account = "000000000000";  ///< of new events, and of resource names
  std::string region = "local";
  unsigned threads = 1;  ///< that deliver
};

struct run_options {
  pipeline_options pipeline{};
  std::string events = "-";           ///< file or -
  std::string event_bus = "default";  ///< for events that name none
  std::string as = "auto";            ///< auto, events or entries
  std::string undelivered{};          ///< file for what was not delivered; empty: none
  double drain = 30;                  ///< seconds to wait at the end
  bool check = false;                 ///< only say whether the configuration is valid
};
int run_run(const run_options& options, const common_options& common);

struct bench_options {
  std::string rules{}, events{};  ///< files
  pipeline_options pipeline{};    ///< instead of rules
  bool real_targets = false;      ///< of the configuration
  unsigned passes = 5;            ///< timed
  unsigned warmup = 1;            ///< not timed
  unsigned threads = 1;
  bool trust = false;  ///< event_options::trusted
};
int run_bench(const bench_options& options, const common_options& common);
int run_bench_pipeline(const bench_options& options, const common_options& common);  ///< where there is a configuration

struct transform_options {
  std::vector<std::string> files{};  ///< or -
  bool aws_limits = false;           ///< transformer_options::aws()
  bool quoted_names = false;         ///< transformer_options::allow_quoted_names
};
int run_transform(const transform_options& options, const common_options& common);

/// schedule next, schedule describe; schedule test takes test_options.
struct schedule_options {
  std::string expression{};
  std::string zone = "UTC";
  std::string from{}, anchor{};  ///< instants; empty is now, and the same as from
  std::uint64_t count = 5;
  bool rule = false;  ///< the dialect
};
int run_schedule_next(const schedule_options& options, const common_options& common);
int run_schedule_describe(const schedule_options& options, const common_options& common);
int run_schedule_test(const test_options& options, const common_options& common);

}  // namespace rulebus::cli
