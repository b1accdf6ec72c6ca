#include "test_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "additions.hpp"
#include "json_slices.hpp"
#include "output.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/matcher.hpp"

namespace rulebus::cli {
namespace {

using members = std::vector<raw_member>;

/// The name of the rule in lines that have one pattern instead of rules.
constexpr const char* single_rule = "pattern";

// The service's words around a reason, and its refusal of an event.
constexpr std::string_view reason_prefix = "Event pattern is not valid. Reason: ";
constexpr std::string_view reason_suffix = "\n at [";
constexpr std::string_view invalid_event = "Parameter Event is not valid.";

/// Reads the members of one line into a case. Each step answers false after setting the complaint.
class case_parser {
 public:
  case_parser(test_case& out, std::string& complaint) : out_(out), complaint_(complaint) {}

  bool parse(std::string_view line, std::size_t number) {
    out_ = {};
    out_.id = fmt::format("{}", number);
    members all;
    if (!slice_object(line, all)) return refuse_json(line, "an object");
    for (const raw_member& m : all) {
      if (auto key = decode_string(m.key)) member_[*std::move(key)] = m.value;
    }
    return id() && additions() && event() && rules() && matched() && errors() && event_error() && expect() && complete();
  }

 private:
  bool refuse(std::string message) {
    complaint_ = std::move(message);
    return false;
  }
  bool refuse_json(std::string_view text, std::string_view expected) {
    const error e = json_complaint(text, expected);
    return refuse(fmt::format("{} (byte {} of {})", e.message, e.offset, excerpt_of(text)));
  }
  static std::string excerpt_of(std::string_view text) {
    constexpr std::size_t enough = 60;
    return text.size() <= enough ? std::string(text) : std::string(text.substr(0, enough)) + "…";
  }
  const std::string_view* find(const char* key) const {
    const auto found = member_.find(key);
    return found == member_.end() ? nullptr : &found->second;
  }

  /// A member that must be a string, if it is there.
  bool optional_string(const char* key, std::optional<std::string>& out) {
    const std::string_view* raw = find(key);
    if (raw == nullptr || *raw == "null") return true;
    out = decode_string(*raw);
    return out || refuse(fmt::format("\"{}\" must be a string", key));
  }

  /// A member that must be true or false, if it is there.
  bool optional_bool(const char* key, std::optional<bool>& out) {
    const std::string_view* raw = find(key);
    if (raw == nullptr) return true;
    if (*raw != "true" && *raw != "false") return refuse(fmt::format("\"{}\" must be true or false", key));
    out = *raw == "true";
    return true;
  }

  /// JSON text of a pattern or an event: a string holds the text, anything else is the text.
  bool json_text(std::string_view raw, std::string_view what, std::string& out) {
    if (raw.front() != '"') return out = raw, true;
    auto decoded = decode_string(raw);
    if (!decoded) return refuse(fmt::format("{} is not a valid JSON string", what));
    return out = *std::move(decoded), true;
  }

  bool id() {
    const std::string_view* raw = find("id");
    if (raw == nullptr) return true;
    detail::json_reader reader(*raw);
    const detail::token first = reader.next();
    const bool scalar = first == detail::token::string || first == detail::token::number;
    if (!scalar || reader.next() != detail::token::end) return refuse(R"("id" must be a string or a number)");
    out_.id = *raw;
    return true;
  }

  bool additions() {
    const std::string_view* raw = find("allow");
    if (raw == nullptr) return true;
    if (!strings("allow", *raw, out_.allow)) return false;
    pattern_options unused;
    for (const std::string& word : out_.allow) {
      if (!allow(unused, word)) return refuse(fmt::format("\"allow\" may have {}", all_additions()));
    }
    return true;
  }

  bool event() {
    const std::string_view* raw = find("event_text");
    if (raw == nullptr) raw = find("event");
    return raw == nullptr || json_text(*raw, R"("event")", out_.event.emplace());
  }

  bool rules() {
    const std::string_view* raw = find("rules");
    if (raw != nullptr) return named_rules(*raw);
    raw = find("pattern_text");
    if (raw == nullptr) raw = find("pattern");
    if (raw == nullptr) return refuse(R"(there is neither "rules" nor "pattern")");
    return json_text(*raw, R"("pattern")", out_.rules.emplace_back(case_rule{single_rule, {}}).patterns.emplace_back());
  }

  bool named_rules(std::string_view raw) {
    members all;
    if (!slice_object(raw, all)) return refuse_json(raw, R"("rules", an object {name: pattern})");
    std::unordered_map<std::string, std::size_t> places;
    for (const raw_member& m : all) {
      auto name = decode_string(m.key);
      if (!name) return refuse(fmt::format("the rule name {} is not a valid JSON string", m.key));
      const auto [place, is_new] = places.try_emplace(*name, out_.rules.size());
      if (is_new) out_.rules.emplace_back();
      case_rule& rule = out_.rules[place->second];  // a repeated name replaces, as JSON readers do
      rule = {*std::move(name), {}};
      if (!patterns(m.value, rule)) return false;
    }
    return true;
  }

  bool patterns(std::string_view raw, case_rule& rule) {
    std::vector<std::string_view> list{raw};
    if (raw.front() == '[' && !slice_array(raw, list)) return refuse_json(raw, "a list of patterns");
    for (const std::string_view one : list) {
      if (!json_text(one, json_string(rule.name), rule.patterns.emplace_back())) return false;
    }
    return true;
  }

  bool strings(const char* key, std::string_view raw, std::vector<std::string>& out) {
    std::vector<std::string_view> elements;
    if (!slice_array(raw, elements)) return refuse(fmt::format("\"{}\" must be a list of names", key));
    for (const std::string_view element : elements) {
      auto name = decode_string(element);
      if (!name) return refuse(fmt::format("\"{}\" must be a list of names", key));
      out.push_back(*std::move(name));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return true;
  }

  bool matched() {
    const std::string_view* raw = find("matched");
    return raw == nullptr || strings("matched", *raw, out_.matched.emplace());
  }

  /// A list of names, or an object {name: message}.
  bool errors() {
    const std::string_view* raw = find("errors");
    if (raw == nullptr) return true;
    out_.errors.emplace();
    if (raw->front() == '{') {
      members all;
      if (!slice_object(*raw, all)) return refuse(R"("errors" must be a list of names or an object {name: message})");
      for (const raw_member& m : all) {
        auto name = decode_string(m.key), message = decode_string(m.value);
        if (!name || !message) return refuse(R"("errors" must be a list of names or an object {name: message})");
        (*out_.errors)[*std::move(name)] = std::move(message);
      }
      return true;
    }
    std::vector<std::string> names;
    if (!strings("errors", *raw, names)) return false;
    for (std::string& name : names) out_.errors->emplace(std::move(name), std::nullopt);
    return true;
  }

  bool event_error() {
    const std::string_view* raw = find("event_error");
    if (raw == nullptr || raw->front() != '"') return optional_bool("event_error", out_.event_error);
    out_.event_error = true;
    return optional_string("event_error", out_.event_error_message);
  }

  /// The short forms: "expect" with "error_message", and "valid".
  bool expect() {
    std::optional<std::string> expected, message;
    std::optional<bool> valid;
    if (!optional_bool("valid", valid) || !optional_string("expect", expected) || !optional_string("error_message", message)) {
      return false;
    }
    if (valid) {
      out_.errors.emplace();
      if (!*valid) out_.errors->emplace(single_rule, std::nullopt);
    }
    if (!expected) return true;
    if (*expected == "error") return expect_error(std::move(message)), true;
    if (*expected != "match" && *expected != "no-match") return refuse(R"("expect" must be "match", "no-match" or "error")");
    out_.matched.emplace();
    if (*expected == "match") out_.matched->emplace_back(single_rule);
    return true;
  }

  void expect_error(std::optional<std::string> message) {
    if (message && message->starts_with(reason_prefix)) {
      message->erase(0, reason_prefix.size());
      if (const std::size_t end = message->find(reason_suffix); end != std::string::npos) message->resize(end);
      out_.errors.emplace()[single_rule] = std::move(message);
    } else if (message == invalid_event) {
      out_.event_error = true;
    } else {
      out_.any_error = true;
      out_.any_error_message = std::move(message);
    }
  }

  bool complete() {
    const bool needs_event = out_.matched || out_.event_error;
    return out_.event || !needs_event || refuse(R"("matched" and "event_error" need an "event")");
  }

  test_case& out_;
  std::string& complaint_;
  std::unordered_map<std::string, std::string_view> member_;
};

/// The service's check of the envelope; nothing when all is there.
std::optional<std::string> envelope_error(std::string_view event) {
  members all;
  if (!slice_object(event, all)) return std::string(invalid_event);
  for (const std::string_view needed : {"id", "account", "source", "time", "region", "detail-type"}) {
    const bool there = std::any_of(all.begin(), all.end(), [&](const raw_member& m) { return decode_string(m.key) == needed; });
    if (!there) return fmt::format("{} The envelope has no \"{}\"", invalid_event, needed);
  }
  return std::nullopt;
}

template <class Range>
std::string json_list(const Range& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
  }
  return out + ']';
}

std::string json_errors(const test_answer& a) {
  std::string out = "{";
  for (const auto& [name, message] : a.errors) {
    if (out.size() > 1) out += ',';
    out += json_string(name) + ':' + json_string(message);
  }
  return out + '}';
}

std::string json_errors(const expected_errors& errors) {
  std::string out = "{";
  for (const auto& [name, message] : errors) {
    if (out.size() > 1) out += ',';
    out += json_string(name) + ':' + (message ? json_string(*message) : "…");
  }
  return out + '}';
}

bool same_errors(const expected_errors& expected, const std::map<std::string, std::string>& got) {
  return std::equal(expected.begin(), expected.end(), got.begin(), got.end(),
                    [](const auto& e, const auto& g) { return e.first == g.first && (!e.second || *e.second == g.second); });
}

void compare_event(const test_case& c, const test_answer& a, std::vector<disagreement>& out) {
  const std::string got = a.event_error ? "invalid: " + *a.event_error : "valid";
  if (c.event_error.value_or(false)) {
    if (!a.event_error) out.push_back({"event", "invalid", got, {}});
    if (a.event_error && c.event_error_message && *c.event_error_message != *a.event_error) {
      out.push_back({"event", "invalid: " + *c.event_error_message, got, {}});
    }
  } else if (a.event_error && !c.any_error) {
    out.push_back({"event", "valid", got, {}});
  }
}

void compare_any_error(const test_case& c, const test_answer& a, std::vector<disagreement>& out) {
  std::vector<std::string> messages;
  for (const auto& [name, message] : a.errors) messages.push_back(message);
  if (a.event_error) messages.push_back(*a.event_error);
  const bool found = c.any_error_message ? std::find(messages.begin(), messages.end(), *c.any_error_message) != messages.end()
                                         : !messages.empty();
  if (!found) out.push_back({"an error", c.any_error_message.value_or("any"), json_list(messages), {}});
}

}  // namespace

bool parse_test_case(std::string_view line, std::size_t number, test_case& out, std::string& complaint) {
  return case_parser(out, complaint).parse(line, number);
}

pattern_options test_case::patterns(pattern_options of_all) const {
  for (const std::string& word : allow) cli::allow(of_all, word);
  return of_all;
}

test_answer answer(const test_case& c, const pattern_options& patterns, bool envelope) {
  test_answer a;
  matcher m({.patterns = c.patterns(patterns)});
  std::unordered_map<rule_id, const std::string*> names;
  for (const case_rule& rule : c.rules) {
    for (const std::string& text : rule.patterns) {
      if (auto id = m.add(text)) {
        names[*id] = &rule.name;
      } else {
        a.errors.emplace(rule.name, std::move(id).error().message);
      }
    }
  }
  if (!c.event) return a;
  matcher::reader reader(m);
  if (const auto ids = reader.match(*c.event); !ids) {
    a.event_error = ids.error().message;
  } else {
    for (const rule_id id : *ids) a.matched.push_back(*names.at(id));
    std::sort(a.matched.begin(), a.matched.end());
    a.matched.erase(std::unique(a.matched.begin(), a.matched.end()), a.matched.end());
    if (envelope) a.event_error = envelope_error(*c.event);
    if (a.event_error) a.matched.clear();
  }
  return a;
}

std::vector<disagreement> compare(const test_case& c, const test_answer& a) {
  std::vector<disagreement> out;
  if (!c.expects_something()) return out;
  if (c.any_error) compare_any_error(c, a, out);
  compare_event(c, a, out);
  const bool errors_agree = c.errors ? same_errors(*c.errors, a.errors) : a.errors.empty() || c.any_error;
  if (!errors_agree) out.push_back({"errors", c.errors ? json_errors(*c.errors) : "{}", json_errors(a), {}});
  if (c.matched && *c.matched != a.matched) {
    std::vector<std::string> differing;
    std::set_symmetric_difference(c.matched->begin(), c.matched->end(), a.matched.begin(), a.matched.end(),
                                  std::back_inserter(differing));
    out.push_back({"matched", json_list(*c.matched), json_list(a.matched), differing.front()});
  }
  return out;
}

}  // namespace rulebus::cli
