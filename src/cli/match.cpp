// rulebus match: which rules match each event of a file or a stream.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "input.hpp"
#include "ordered_blocks.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "rulebus/matcher.hpp"
#include "rules_file.hpp"
#include "verbs.hpp"

namespace rulebus::cli {
namespace {

/// The names behind rule ids: each distinct name once, in order, ready as JSON.
class name_table {
 public:
  void add(rule_id id, const std::string& name) { added_.push_back({id, name}); }

  void finish() {
    std::vector<std::string_view> names;
    for (const auto& [id, name] : added_) names.push_back(name);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const std::string_view name : names) json_.push_back(json_string(name));
    for (const auto& [id, name] : added_) {
      ranks_[id] = static_cast<std::uint32_t>(std::lower_bound(names.begin(), names.end(), name) - names.begin());
    }
    added_.clear();
  }

  /// Replaces `out` by the ranks of the names that the ids stand for, in order, each once.
  void ranks(std::span<const rule_id> ids, std::vector<std::uint32_t>& out) const {
    out.clear();
    for (const rule_id id : ids) out.push_back(ranks_.at(id));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  const std::string& json(std::uint32_t rank) const { return json_[rank]; }
  std::size_t size() const noexcept { return json_.size(); }

 private:
  struct named {
    rule_id id;
    std::string name;
  };
  std::vector<named> added_;
  std::vector<std::string> json_;
  std::unordered_map<rule_id, std::uint32_t> ranks_;
};

/// What one thread works with and finds out.
struct alignas(64) worker {
  worker(const matcher& m, std::size_t names) : reader(m), counts(names) {}

  matcher::reader reader;
  std::vector<std::uint32_t> ranks{};
  std::vector<std::uint64_t> counts;
  std::uint64_t events = 0, invalid = 0;
};

void append_error(std::string& out, std::string_view message, std::size_t offset) {
  out += R"({"error":)";
  append_json_string(out, message);
  fmt::format_to(std::back_inserter(out), R"(,"offset":{}}})", offset);
  out += '\n';
}

void append_matched(std::string& out, const name_table& names, const std::vector<std::uint32_t>& ranks) {
  out += R"({"matched":[)";
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i != 0) out += ',';
    out += names.json(ranks[i]);
  }
  out += "]}\n";
}

/// Matches one line. Invalid events go to `out` also when counting: the caller sends that to standard error then.
void match_line(std::string_view line, std::size_t number, bool count, const name_table& names, worker& w, std::string& out) {
  ++w.events;
  const auto refuse = [&](std::string_view message, std::size_t offset) {
    ++w.invalid;
    if (count) {
      fmt::format_to(std::back_inserter(out), "{}:{}: {}\n", number, offset + 1, message);
    } else {
      append_error(out, message, offset);
    }
  };
  if (line.size() > block_reader::max_line_bytes) return refuse(too_long_message(), block_reader::max_line_bytes);
  const auto matched = w.reader.match(line);
  if (!matched) return refuse(matched.error().message, matched.error().offset);
  names.ranks(*matched, w.ranks);
  if (!count) return append_matched(out, names, w.ranks);
  for (const std::uint32_t rank : w.ranks) ++w.counts[rank];
}

/// Says which events were invalid, as far as a person wants to know, when standard output has only the totals.
void complain_of_events(const std::string& path, std::string_view lines, std::size_t& said) {
  constexpr std::size_t enough = 10;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (said++ < enough) complain(fmt::format("{}:{}; this event was not counted", shown_path(path), lines.substr(0, end)));
    if (said == enough + 1) complain("more invalid events follow; the total is in \"invalid\"");
    lines.remove_prefix(end + 1);
  }
}

std::string totals(const std::vector<worker>& workers, const name_table& names) {
  std::string out = R"({"counts":{)";
  std::uint64_t events = 0, invalid = 0;
  for (std::uint32_t rank = 0; rank < names.size(); ++rank) {
    std::uint64_t n = 0;
    for (const worker& w : workers) n += w.counts[rank];
    fmt::format_to(std::back_inserter(out), "{}{}:{}", rank == 0 ? "" : ",", names.json(rank), n);
  }
  for (const worker& w : workers) {
    events += w.events;
    invalid += w.invalid;
  }
  fmt::format_to(std::back_inserter(out), R"(}},"events":{},"invalid":{}}})", events, invalid);
  return out + '\n';
}

}  // namespace

int run_match(const match_options& options, const common_options& common) {
  if (options.rules == "-" && options.events == "-")
    throw failure("rules and events cannot both come from standard input; give one of them a file");
  matcher m({.patterns = common.patterns});
  name_table names;
  {
    rule_loader loader(options.rules);
    const bool loaded = loader.load([&](const rule_row& row) {
      auto id = m.add(row.pattern());
      if (id) names.add(*id, row.name);
      return id;
    });
    if (!loaded) return exit_finding;
  }
  names.finish();

  block_reader in(options.events);
  std::vector<worker> workers;
  for (unsigned i = 0; i < options.threads; ++i) workers.emplace_back(m, names.size());
  standard_output output;
  progress shown("events", options.count || ::isatty(STDOUT_FILENO) == 0, in.total_bytes());
  std::size_t said = 0;
  run_ordered(
      in, options.threads,
      [&](unsigned i, const block& b, std::string& out) {
        for_each_line(b, [&](std::string_view line, std::size_t number) {
          if (!blank(line)) match_line(line, number, options.count, names, workers[i], out);
        });
      },
      [&](const block& b, const std::string& out) {
        if (options.count) {
          if (!out.empty()) shown.clear();
          complain_of_events(options.events, out, said);
        } else {
          output.write(out);
          output.flush();
        }
        shown.advance(static_cast<std::uint64_t>(std::count(b.text.begin(), b.text.end(), '\n')), b.text.size());
      });
  shown.clear();
  if (options.count) output.write(totals(workers, names));
  output.flush();
  const bool all_valid = std::all_of(workers.begin(), workers.end(), [](const worker& w) { return w.invalid == 0; });
  return all_valid ? exit_fine : exit_finding;
}

}  // namespace rulebus::cli
