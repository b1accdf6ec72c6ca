#include "arena.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <utility>

namespace rulebus::bench {
namespace {

// What the slow contenders may take: pairs of rule and event for one pass, and rules at all.
constexpr std::size_t slow_pairs = 10'000, slow_rules = 10'000, slow_events = 200, re2_most_rules = 1'000;
// Of larger sets the twin checks so many rules, and those that match its events.
constexpr std::size_t twin_sample = 1'000;
// Comparing checked and trusted goes on for so long, and for so many events at least; those are what a pass has.
constexpr double patience_seconds = 1;
constexpr std::size_t fewest_events = 20;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::size_t few(std::size_t rules, std::size_t events) {
  return std::min({events, slow_events, std::max<std::size_t>(1, slow_pairs / rules)});
}

}  // namespace

arena::arena(workload w, std::shared_ptr<const cli::padded_events> events)
    : workload_(std::move(w)),
      storage_(std::move(events)),
      events_(storage_->views()),
      checked_(matcher_),
      trusted_(matcher_, {.trusted = true}) {
  add_rules();
  if (floor_.pass(events_) != 0) throw wrong_answer(workload_.name + ": the floor refuses events");
  compare_checked_and_trusted();
  compare_with_twin();
  compare_with_re2();
}

void arena::wrong(const std::string& what, std::size_t event) const {
  throw wrong_answer(fmt::format("{}: {} for event {}: {}", workload_.name, what, event, events_[event]));
}

void arena::add_rules() {
  std::vector<std::string> texts;
  texts.reserve(workload_.rules);
  for (std::size_t i = 0; i < workload_.rules; ++i) texts.push_back(workload_.rule(i));
  ids_.reserve(texts.size());
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text : texts) {
    const auto id = matcher_.add(text);
    if (!id) throw wrong_answer(fmt::format("{}: refused: {}: {}", workload_.name, text, id.error().message));
    ids_.push_back(*id);
  }
  add_seconds_ = seconds_since(start);
  memory_bytes_ = matcher_.memory_bytes();
  if (!std::is_sorted(ids_.begin(), ids_.end())) throw wrong_answer(workload_.name + ": ids do not ascend");
}

std::size_t arena::pass(matcher::reader& reader) {
  std::size_t matches = 0;
  for (const std::string_view event : events_) {
    const auto ids = reader.match(event);
    if (!ids) return ~std::size_t{0};
    matches += ids->size();
  }
  return matches;
}

void arena::compare_checked_and_trusted() {
  const auto start = std::chrono::steady_clock::now();
  std::vector<rule_id> expected, got;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (i >= fewest_events && seconds_since(start) > patience_seconds) {
      events_ = events_.first(i);
      break;
    }
    const auto a = checked_.match(events_[i]);
    const auto b = trusted_.match(events_[i]);
    if (!a || !b) wrong("refused", i);
    expected.assign(a->begin(), a->end());
    got.assign(b->begin(), b->end());
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    if (expected != got) wrong("checked and trusted disagree", i);
    if (workload_.matches_per_event.value_or(expected.size()) != expected.size())
      wrong("not as many matches as it was made for", i);
    matches_ += expected.size();
  }
}

std::vector<std::size_t> arena::answer(std::size_t event) {
  std::vector<std::size_t> out;
  const auto ids = checked_.match(events_[event]);
  if (!ids) wrong("refused", event);
  for (const rule_id id : *ids) {
    out.push_back(static_cast<std::size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin()));
  }
  std::sort(out.begin(), out.end());
  return out;
}

void arena::compare_with_twin() {
  const std::size_t count = few(std::min(workload_.rules, twin_sample), events_.size());
  std::set<std::size_t> rules;  // that the twin knows
  std::vector<std::vector<std::size_t>> answers;
  for (std::size_t i = 0; i < count; ++i) {
    answers.push_back(answer(i));
    rules.insert(answers.back().begin(), answers.back().end());
  }
  const std::size_t step = std::max<std::size_t>(1, workload_.rules / twin_sample);
  for (std::size_t r = 0; r < workload_.rules; r += step) rules.insert(r);
  std::vector<std::size_t> numbers(rules.begin(), rules.end());
  std::vector<naive::pattern> patterns;
  patterns.reserve(numbers.size());
  for (const std::size_t r : numbers) patterns.push_back(naive::parse_pattern(workload_.rule(r)));
  std::vector<const naive::pattern*> pointers;
  pointers.reserve(patterns.size());
  for (const naive::pattern& p : patterns) pointers.push_back(&p);
  const naive::matcher twin(pointers);
  std::vector<std::size_t> sizes;
  try {
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<bool> matched = twin.match(naive::parse_event(events_[i]));
      std::vector<std::size_t> got;
      for (std::size_t k = 0; k < numbers.size(); ++k) {
        if (matched[k]) got.push_back(numbers[k]);
      }
      if (got != answers[i]) wrong("rulebus and the slow twin disagree", i);
      sizes.push_back(got.size());
      ++verified_;
    }
  } catch (const naive::gave_up&) {
    if (!workload_.matches_per_event) throw wrong_answer(workload_.name + ": nobody can say what is right");
    return;  // it tries all combinations, and here they are too many
  }
  if (workload_.rules <= slow_rules && numbers.size() == workload_.rules) time_twin(std::move(patterns), sizes);
}

void arena::time_twin(std::vector<naive::pattern> patterns, const std::vector<std::size_t>& matches_of_sample) {
  twin_patterns_ = std::move(patterns);
  std::vector<const naive::pattern*> pointers;
  pointers.reserve(twin_patterns_.size());
  for (const naive::pattern& p : twin_patterns_) pointers.push_back(&p);
  twin_.emplace(std::move(pointers));
  twin_answers_ = std::min(few(workload_.rules, events_.size()), matches_of_sample.size());
  for (std::size_t i = 0; i < twin_answers_; ++i) naive_matches_ += matches_of_sample[i];
}

void arena::compare_with_re2() {
  if (workload_.rules > re2_most_rules) return;
  std::vector<std::string> texts;
  texts.reserve(workload_.rules);
  for (std::size_t i = 0; i < workload_.rules; ++i) texts.push_back(workload_.rule(i));
  re2_ = re2_rules::make(texts);
  if (!re2_) return;
  re2_answers_ = few(workload_.rules, events_.size());
  for (std::size_t i = 0; i < re2_answers_; ++i) {
    re2_->add_event(events_[i]);
    std::vector<std::size_t> got;
    re2_->match(i, got);
    if (got != answer(i)) wrong("rulebus and RE2 disagree", i);
    re2_matches_ += got.size();
  }
}

std::size_t arena::pass_naive() const {
  std::size_t matches = 0;
  for (const std::string_view event : events_.first(twin_answers_)) {
    const std::vector<bool> matched = twin_->match(naive::parse_event(event));
    matches += static_cast<std::size_t>(std::count(matched.begin(), matched.end(), true));
  }
  return matches;
}

std::size_t arena::pass_re2() const {
  std::vector<std::size_t> matched;
  std::size_t matches = 0;
  for (std::size_t i = 0; i < re2_answers_; ++i) {
    matched.clear();
    re2_->match(i, matched);
    matches += matched.size();
  }
  return matches;
}

}  // namespace rulebus::bench
