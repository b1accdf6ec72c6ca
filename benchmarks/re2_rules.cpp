#include "re2_rules.hpp"

#include <re2/re2.h>
#include <simdjson.h>

#include <map>
#include <utility>

namespace rulebus::bench {
namespace {

using simdjson::dom::element;

/// A test that has no such expression.
struct not_regular {};

std::string text_of(const element& e) {
  if (!e.is_string()) throw not_regular{};
  return std::string(e.get_string().value());
}

std::string folded(const std::string& expression) { return "(?i:" + expression + ")"; }

/// The value of `prefix` or `suffix`: text, or {"equals-ignore-case": text}.
std::string piece(const element& e) {
  if (!e.is_object()) return RE2::QuoteMeta(text_of(e));
  const element inner = e["equals-ignore-case"];
  return folded(RE2::QuoteMeta(text_of(inner)));
}

std::string from_wildcard(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '*' ? std::string(".*") : RE2::QuoteMeta(std::string(1, c));
  return out;
}

/// One operator over one text; without the quotes, which are part of the values.
std::string of_operator(std::string_view name, const element& e) {
  if (name == "prefix") return piece(e) + ".*";
  if (name == "suffix") return ".*" + piece(e);
  if (name == "equals-ignore-case") return folded(RE2::QuoteMeta(text_of(e)));
  if (name == "wildcard") return from_wildcard(text_of(e));
  throw not_regular{};
}

std::string any_of(const std::vector<std::string>& expressions) {
  std::string out = "\"(?:";
  for (std::size_t i = 0; i < expressions.size(); ++i) out += (i == 0 ? "" : "|") + expressions[i];
  return out + ")\"";
}

/// All texts of `e`, one or a list, each under one operator, or none.
std::vector<std::string> each(std::string_view name, const element& e) {
  std::vector<std::string> out;
  const auto one = [&](const element& text) {
    out.push_back(name.empty() ? RE2::QuoteMeta(text_of(text)) : of_operator(name, text));
  };
  if (e.is_array()) {
    for (const element text : e.get_array()) one(text);
  } else {
    one(e);
  }
  return out;
}

struct field_expression {
  std::string pointer;
  std::string expression;
  bool negated = false;
};

field_expression of_field(const std::string& pointer, const simdjson::dom::array& tests) {
  std::vector<std::string> expressions;
  for (const element test : tests) {
    if (!test.is_object()) {
      expressions.push_back(RE2::QuoteMeta(text_of(test)));
      continue;
    }
    const auto [name, value] = *test.get_object().value().begin();
    if (name != "anything-but") {
      expressions.push_back(of_operator(name, value));
      continue;
    }
    if (tests.size() != 1) throw not_regular{};
    if (!value.is_object()) return {pointer, any_of(each("", value)), true};
    const auto [inner, words] = *value.get_object().value().begin();
    return {pointer, any_of(each(inner, words)), true};
  }
  return {pointer, any_of(expressions)};
}

void of_object(const std::string& pointer, const simdjson::dom::object& o, std::vector<field_expression>& out) {
  for (const auto& [key, value] : o) {
    if (key == "$or") throw not_regular{};
    const std::string deeper = pointer + "/" + std::string(key);
    if (value.is_object()) {
      of_object(deeper, value.get_object(), out);
    } else if (value.is_array()) {
      out.push_back(of_field(deeper, value.get_array()));
    } else {
      throw not_regular{};
    }
  }
}

}  // namespace

class re2_rules::impl {
 public:
  explicit impl(const std::vector<std::string>& patterns) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    for (const std::string& pattern : patterns) {
      std::vector<field_expression> fields;
      of_object("", parser_.parse(pattern).get_object(), fields);
      std::vector<condition>& rule = rules_.emplace_back();
      for (const field_expression& f : fields) {
        auto compiled = std::make_unique<RE2>(f.expression, options);
        if (!compiled->ok()) throw not_regular{};
        const std::size_t column = columns_.emplace(f.pointer, columns_.size()).first->second;
        rule.push_back({column, f.negated, std::move(compiled)});
      }
    }
  }

  void add_event(std::string_view event) {
    const element root = parser_.parse(event.data(), event.size());
    std::vector<std::string>& row = values_.emplace_back(columns_.size());
    for (const auto& [pointer, column] : columns_) {
      element found;
      if (root.at_pointer(pointer).get(found) != simdjson::SUCCESS) continue;
      row[column] = found.is_string() ? '"' + std::string(found.get_string().value()) + '"' : simdjson::minify(found);
    }
  }

  void match(std::size_t event, std::vector<std::size_t>& out) const {
    const std::vector<std::string>& row = values_[event];
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      bool all = true;
      for (const condition& c : rules_[i]) {
        const std::string& value = row[c.column];
        all = !value.empty() && RE2::FullMatch(value, *c.expression) != c.negated;
        if (!all) break;
      }
      if (all) out.push_back(i);
    }
  }

 private:
  struct condition {
    std::size_t column = 0;
    bool negated = false;
    std::unique_ptr<RE2> expression{};
  };
  simdjson::dom::parser parser_;
  std::map<std::string, std::size_t> columns_;
  std::vector<std::vector<condition>> rules_;
  std::vector<std::vector<std::string>> values_;  // of each event; an absent one is empty, others have at least quotes
};

re2_rules::re2_rules(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
re2_rules::re2_rules(re2_rules&&) noexcept = default;
re2_rules& re2_rules::operator=(re2_rules&&) noexcept = default;
re2_rules::~re2_rules() = default;

std::optional<re2_rules> re2_rules::make(const std::vector<std::string>& patterns) {
  try {
    return re2_rules(std::make_unique<impl>(patterns));
  } catch (const not_regular&) {
    return {};
  }
}

void re2_rules::add_event(std::string_view event) { impl_->add_event(event); }
void re2_rules::match(std::size_t event, std::vector<std::size_t>& out) const { impl_->match(event, out); }

}  // namespace rulebus::bench
