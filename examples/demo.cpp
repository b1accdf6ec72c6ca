// rulebus_demo DIRECTORY: real-shaped events through a bus with a rule for every operator; says what matched, and why.
//
// Reads rules.jsonl (the language as it is), rules_beyond.jsonl (the additions that options allow) and events.jsonl.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <rulebus/detail/json_reader.hpp>
#include <rulebus/rulebus.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t width = 100;

// ---- text

bool use_colours() { return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr; }

std::string coloured(std::string_view code, std::string_view text) {
  static const bool colours = use_colours();
  return colours ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
}
std::string bold(std::string_view text) { return coloured("1", text); }
std::string dim(std::string_view text) { return coloured("2", text); }
std::string good(std::string_view text) { return coloured("32", text); }
std::string bad(std::string_view text) { return coloured("31", text); }

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// At most so many columns; what is cut off shows as "...".
std::string cut(std::string_view text, std::size_t most) {
  if (columns(text) <= most) return std::string(text);
  std::size_t end = 0;
  for (std::size_t kept = 0; end < text.size(); ++end) {
    if (begins_character(text[end]) && ++kept > most - 3) break;
  }
  return std::string(text.substr(0, end)) + "...";
}

std::string padded(std::string_view text, std::size_t to) {
  return std::string(text) + std::string(to - std::min(to, columns(text)), ' ');
}

// ---- input

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

struct demo_rule {
  std::string name, pattern, why;
};

// {"name": "…", "pattern": {…}, "why": "…"}: the pattern is kept as it is written.
demo_rule read_rule(const std::string& line) {
  using rulebus::detail::token;
  demo_rule r;
  rulebus::detail::json_reader reader(line);
  std::string member;
  for (token t = reader.next(); t != token::end; t = reader.next()) {
    if (t == token::error) throw std::runtime_error("rules: " + reader.failure().message + " in " + line);
    if (t == token::key) member = reader.text();
    if (t == token::string && member == "name") r.name = reader.text();
    if (t == token::string && member == "why") r.why = reader.text();
    if (t == token::object_begin && member == "pattern") {
      const std::size_t begin = reader.offset(), depth = reader.depth();
      do t = reader.next();
      while (t != token::error && reader.depth() >= depth);
      r.pattern = line.substr(begin, reader.end_offset() - begin);
    }
  }
  return r;
}

// ---- what matched, and why

// How much a field says about a match: an operator says more than a literal, and `exists` less than other operators; then
// the deeper, the more.
std::size_t weight(const rulebus::explained_field& f) {
  const auto dots = static_cast<std::size_t>(std::count(f.path.begin(), f.path.end(), '.'));
  if (f.conditions.find('{') == std::string::npos) return dots;
  return (f.conditions.find("{\"exists\"") == std::string::npos ? 200 : 100) + dots;
}

const rulebus::explained_field* telling_field(const rulebus::explained_group& g) {
  const rulebus::explained_field* best = nullptr;
  const auto consider = [&best](const rulebus::explained_field* f) {
    if (f != nullptr && f->passed && (best == nullptr || weight(*f) >= weight(*best))) best = f;
  };
  for (const auto& f : g.fields) consider(&f);
  for (const auto& c : g.choices) {
    for (const auto& branch : c.branches) {
      if (branch.passed) consider(telling_field(branch));
    }
  }
  return best;
}

// The last two steps of a path.
std::string tail(const std::string& path) {
  const std::size_t last = path.rfind('.');
  const std::size_t before = last == std::string::npos || last == 0 ? std::string::npos : path.rfind('.', last - 1);
  return before == std::string::npos ? path : path.substr(before + 1);
}

// One line: the rule, its field, what was found there, and the alternatives that it passes.
void print_match(const std::string& name, const rulebus::explanation& why) {
  constexpr std::size_t name_columns = 23, least = 14;
  const rulebus::explained_field* f = telling_field(why.root);
  if (f == nullptr) return;
  std::string found = f->found.empty() ? "absent" : f->found[0];
  for (std::size_t i = 1; i < f->found.size(); ++i) found += ", " + f->found[i];
  const std::string alternatives = f->conditions.substr(1, f->conditions.size() - 2);  // without the brackets of the list
  const std::string path = tail(f->path);
  const std::size_t left = width - 2 - name_columns - columns(path) - 5;  // for both
  found = cut(found, std::max(least, left - std::min(left, columns(alternatives))));
  std::cout << "  " << bold(padded(name, name_columns)) << path << ' ' << good(found) << dim(" is ")
            << cut(alternatives, left - columns(found)) << '\n';
}

void print_indented(std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const bool failed = line.find("FAIL") != std::string::npos;
    std::cout << "    " << (failed ? bad(cut(line, width - 4)) : cut(line, width - 4)) << '\n';
  }
}

class demo {
 public:
  explicit demo(std::string directory) : directory_(std::move(directory)), events_(lines_of(directory_ + "/events.jsonl")) {
    for (const char* file : {"/rules.jsonl", "/rules_beyond.jsonl"}) {
      for (const std::string& line : lines_of(directory_ + file)) rules_.push_back(read_rule(line));
    }
    bus_options_.matching.patterns.allow_regexp = true;
    bus_options_.matching.patterns.allow_wildcard_ignore_case = true;
    bus_options_.matching.patterns.allow_cidr_single_address = true;
    bus_options_.matching.patterns.allow_all = true;
  }

  // True when every rule matched something.
  bool run() {
    put_all();
    std::cout << bold("rulebus demo") << ": " << events_.size() << " events through a bus with " << rules_.size()
              << " rules, from " << directory_ << "\n\n";
    print_first_matches();
    print_near_misses();
    print_counts();
    print_hints();
    return std::all_of(rules_.begin(), rules_.end(), [&](const demo_rule& r) { return !matches_[r.name].empty(); });
  }

 private:
  // Every rule gets a target that remembers the events' line numbers.
  void put_all() {
    rulebus::bus bus("demo", bus_options_);
    std::size_t line = 0;
    const auto remember =
        rulebus::make_target([&](const rulebus::delivery& d) { matches_[std::string(d.rule_name())].push_back(line); });
    for (const demo_rule& r : rules_) {
      bus.put_rule({.name = r.name, .event_pattern = r.pattern, .description = r.why}).value();
      bus.put_target(r.name, {.id = "remember", .target = remember}).value();
    }
    for (; line < events_.size(); ++line) bus.put_event_json(events_[line]).value();
    bus.flush().value();
  }

  rulebus::explanation explain(const demo_rule& r, std::size_t line) const {
    const auto pattern = rulebus::pattern::parse(r.pattern, bus_options_.matching.patterns).value();
    return rulebus::explain(pattern, events_[line]).value();
  }

  void print_first_matches() {
    std::cout << bold("Why: the first match of each rule, by its most telling field") << '\n';
    for (const demo_rule& r : rules_) {
      if (!matches_[r.name].empty()) print_match(r.name, explain(r, matches_[r.name][0]));
    }
  }

  // Two events that were nearly matched: by all conditions but one, and only by values of different elements of an array.
  void print_near_misses() const {
    std::cout << '\n' << bold("Near misses, explained") << '\n';
    print_near_miss([](const demo_rule& r, const rulebus::explanation& why) {
      return r.name == "photo-arrived" && why.passed + 1 == why.total;
    });
    print_near_miss([](const demo_rule&, const rulebus::explanation& why) { return why.array_conflict; });
  }

  template <class Wanted>
  void print_near_miss(Wanted wanted) const {
    for (const demo_rule& r : rules_) {
      for (std::size_t line = 0; line < events_.size(); ++line) {
        const rulebus::explanation why = explain(r, line);
        if (why.matched || !wanted(r, why)) continue;
        std::cout << "  " << bold(r.name) << " and line " << line + 1 << ": " << r.why << '\n';
        return print_indented(why.text());
      }
    }
  }

  void print_counts() {
    constexpr std::size_t tables = 3, cell = 33;
    std::cout << '\n' << bold("Events per rule") << '\n';
    const std::size_t rows = (rules_.size() + tables - 1) / tables;
    for (std::size_t row = 0; row < rows; ++row) {
      std::cout << ' ';
      for (std::size_t i = row; i < rules_.size(); i += rows) {
        const std::size_t count = matches_[rules_[i].name].size();
        const std::string number = (count < 10 ? " " : "") + std::to_string(count);
        std::cout << (count == 0 ? bad(number) : good(number)) << ' ';
        const std::string name = cut(rules_[i].name, cell - 4);
        std::cout << (i + rows < rules_.size() ? padded(name, cell - 3) : name);
      }
      std::cout << '\n';
    }
  }

  void print_hints() const {
    std::cout << '\n' << bold("What next") << '\n';
    const std::pair<const char*, const char*> hints[] = {
        {"./dev test", "build everything and run all tests"},
        {"./dev bench", "matching throughput on these rules and events, or on your own"},
        {"$EDITOR examples/data/rules.jsonl", "change a rule, then ./dev demo again"},
        {"less docs/patterns.md README.md", "the language; the headers in reading order"},
    };
    for (const auto& [command, what] : hints) std::cout << "  " << padded(command, 36) << dim(what) << '\n';
  }

  std::string directory_;
  rulebus::bus_options bus_options_;
  std::vector<demo_rule> rules_;
  std::vector<std::string> events_;
  std::map<std::string, std::vector<std::size_t>> matches_;  // lines, from 0, by rule
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: rulebus_demo DIRECTORY\n";
    return 2;
  }
  try {
    return demo(argv[1]).run() ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "rulebus_demo: " << e.what() << '\n';
    return 1;
  }
}
