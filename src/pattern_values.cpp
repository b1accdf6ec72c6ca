#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "rulebus/detail/pattern_program.hpp"
#include "rulebus/detail/regexp.hpp"

namespace rulebus::inline v1::detail {

namespace pattern_values {

constexpr double max_double = std::numeric_limits<double>::max();

// Every reader of a value starts with the value's first token read, and leaves its last token as the last.
bool read_value(pattern_source& source, condition& out);

// ---- operators on one string

condition make_caseless_condition(test_kind kind, std::string_view text) {
  condition out{.kind = kind, .text = std::string(text)};
  out.caseless = make_caseless(text);
  return out;
}

bool make_wildcard(pattern_source& source, std::string_view text, bool ignore_case, condition& out) {
  result<wildcard_pieces> pieces = parse_wildcard(text);
  if (!pieces) return source.fail(pieces.error().message);
  if (const std::size_t limit = source.options.max_wildcard_complexity; limit != 0 && *wildcard_complexity(text) > limit) {
    return source.fail(
        "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard "
        "character",
        source.reader.offset(), errc::limit_exceeded);
  }
  out.kind = ignore_case ? test_kind::caseless_wildcard : test_kind::wildcard;
  out.text = text;
  out.pieces = std::move(*pieces);
  if (ignore_case) {
    for (const std::string& piece : out.pieces.literals) out.pieces.caseless.push_back(make_caseless(piece));
    out.pieces.literals.clear();
  }
  return true;
}

bool make_regexp(pattern_source& source, std::string_view text, condition& out) {
  if (source.regexps++ == source.options.max_regexps) {
    return source.fail(fmt::format("Rule has more than {} regular expressions", source.options.max_regexps),
                       source.reader.offset(), errc::limit_exceeded);
  }
  result<std::shared_ptr<const regexp>> compiled = regexp::compile(text);
  if (!compiled) return source.fail(compiled.error().message);
  out.kind = test_kind::regexp;
  out.text = text;
  out.compiled = std::move(*compiled);
  return true;
}

bool make_cidr(pattern_source& source, std::string_view text, condition& out) {
  const result<ip_network> network = parse_cidr(text, source.options.allow_cidr_single_address);
  if (!network) return source.fail(network.error().message);
  out.kind = test_kind::cidr;
  out.network = *network;
  return true;
}

// The condition that the operator `name` makes of a string, which is the last token.
bool make_from_text(pattern_source& source, std::string_view name, condition& out) {
  const std::string_view text = source.reader.text();
  if (name == "wildcard") return make_wildcard(source, text, false, out);
  if (name == "cidr") return make_cidr(source, text, out);
  if (name == "regexp") return make_regexp(source, text, out);
  if (name == "equals-ignore-case") {
    out = make_caseless_condition(test_kind::caseless_equals, text);
  } else {
    out.kind = name == "prefix" ? test_kind::prefix : name == "suffix" ? test_kind::suffix : test_kind::string_equals;
    out.text = text;
  }
  return true;
}

// {"equals-ignore-case": S} as the operand of prefix, suffix or wildcard.
bool read_ignore_case(pattern_source& source, std::string_view name, condition& out) {
  const std::size_t begin = source.reader.offset();
  if (source.next() == token::object_end) {
    std::string title(name);
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    return source.fail(title + " expression name not found", begin);
  }
  if (source.last != token::key) return false;
  if (source.reader.text() != "equals-ignore-case") {
    return source.fail(fmt::format("Unsupported {} pattern: {}", name, source.reader.text()));
  }
  if (source.next() != token::string) return source.fail("equals-ignore-case match pattern must be a string");
  const std::string_view text = source.reader.text();
  if (name == "wildcard") {
    if (!make_wildcard(source, text, true, out)) return false;
  } else {
    out = make_caseless_condition(name == "prefix" ? test_kind::caseless_prefix : test_kind::caseless_suffix, text);
  }
  return source.next() == token::object_end || source.fail("Only one key allowed in match expression");
}

bool read_text_operand(pattern_source& source, std::string_view name, condition& out) {
  if (source.last == token::string) return make_from_text(source, name, out);
  if (source.last == token::object_begin) {
    const bool may_ignore_case =
        name == "prefix" || name == "suffix" || (name == "wildcard" && source.options.allow_wildcard_ignore_case);
    if (may_ignore_case) return read_ignore_case(source, name, out);
  }
  // The service says "exact" for exactly and, oddly, "prefix" for cidr.
  const std::string_view said = name == "exactly" ? "exact" : name == "cidr" ? "prefix" : name;
  return source.fail(fmt::format("{} match pattern must be a string", said));
}

bool read_exists(pattern_source& source, condition& out) {
  if (source.last != token::true_value && source.last != token::false_value) {
    return source.fail("exists match pattern must be either true or false.");
  }
  out.kind = source.last == token::true_value ? test_kind::exists : test_kind::absent;
  return true;
}

// ---- numeric

bool read_comparable(pattern_source& source, double& out) {
  const std::string_view text = source.reader.text();
  const std::optional<double> value = comparable(text);
  if (!value) return source.fail(fmt::format("Cannot compare number : {}", text));
  out = *value;
  return true;
}

bool read_bound(pattern_source& source, std::string_view operation, double& out) {
  if (source.next() != token::number) {
    return source.fail(fmt::format("Value of {} must be numeric", operation == "=" ? "equals" : operation));
  }
  return read_comparable(source, out);
}

void make_number(double value, condition& out) {
  out.kind = test_kind::number_equals;
  out.text = shortest(value);
  out.number = value;
}

// The upper end of a range whose lower end was read, or just the `]`.
bool read_upper_bound(pattern_source& source, condition& out) {
  if (source.next() == token::array_end) return true;
  const std::size_t begin = source.reader.offset();
  if (source.last != token::string) return source.fail(fmt::format("Bad value in numeric range: {}", source.written()));
  const std::string operation(source.reader.text());
  if (operation != "<" && operation != "<=") return source.fail(fmt::format("Bad numeric range operator: {}", operation));
  if (!read_bound(source, operation, out.range.high)) return false;
  out.range.high_open = operation == "<";
  if (!(out.range.low < out.range.high)) return source.fail("Bottom must be less than top", begin);
  return source.next() == token::array_end || source.fail("Too many terms in numeric range expression");
}

bool read_numeric(pattern_source& source, condition& out) {
  if (source.last != token::array_begin) return source.fail("Value of numeric must be an array.");
  if (source.next() != token::string) return source.fail(fmt::format("Invalid member in numeric match: {}", source.written()));
  const std::string operation(source.reader.text());
  const std::size_t begin = source.reader.offset();
  if (operation != "=" && operation != "<" && operation != "<=" && operation != ">" && operation != ">=") {
    return source.fail(fmt::format("Unrecognized numeric range operator: {}", operation));
  }
  double value = 0;
  if (!read_bound(source, operation, value)) return false;
  if (operation == "=") {
    make_number(value, out);
    return source.next() == token::array_end || source.fail("Too many elements in numeric expression");
  }
  out.kind = test_kind::range;
  if (operation[0] == '<') {
    out.range = {.low = -max_double, .high = value, .low_open = false, .high_open = operation == "<"};
    if (source.next() != token::array_end) return source.fail("Too many elements in numeric expression");
    return value != -max_double || source.fail("No number is less than the least double", begin);
  }
  out.range = {.low = value, .high = max_double, .low_open = operation == ">", .high_open = false};
  if (!read_upper_bound(source, out)) return false;
  return value != max_double || source.fail("No number is greater than the greatest double", begin);
}

// ---- anything-but

bool read_anything_but_item(pattern_source& source, condition& out) {
  if (source.last == token::string) {
    out.kind = test_kind::string_equals;
    out.text = source.reader.text();
    return true;
  }
  double value = 0;
  if (!read_comparable(source, value)) return false;
  make_number(value, out);
  return true;
}

bool read_anything_but_list(pattern_source& source, std::vector<condition>& out) {
  const std::size_t begin = source.reader.offset();
  while (source.next() != token::array_end) {
    if (source.last != token::string && source.last != token::number) {
      return source.fail("Inside anything but list, start|null|boolean is not supported.");
    }
    if (!out.empty() && (out[0].kind == test_kind::string_equals) != (source.last == token::string)) {
      return source.fail("Inside anything but list, either all values are number or string, mixed type is not supported");
    }
    if (!read_anything_but_item(source, out.emplace_back())) return false;
  }
  return !out.empty() || source.fail("Empty arrays are not allowed", begin);
}

// One string inside {"anything-but": {name: …}}.
bool read_anything_but_text(pattern_source& source, std::string_view name, std::vector<condition>& out) {
  const bool affix = name == "prefix" || name == "suffix";
  if (source.last != token::string) {
    if (name == "equals-ignore-case") {
      return source.fail("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.");
    }
    return source.fail(fmt::format("{} match pattern must be a string", affix ? "prefix/suffix" : name));
  }
  if (affix && source.reader.text().empty()) return source.fail("Null prefix/suffix not allowed");
  return make_from_text(source, name, out.emplace_back());
}

bool read_anything_but_operator(pattern_source& source, std::vector<condition>& out) {
  const std::size_t begin = source.reader.offset();
  if (source.next() == token::object_end) return source.fail("Anything-But expression name not found", begin);
  if (source.last != token::key) return false;
  const std::string name(source.reader.text());
  if (name != "prefix" && name != "suffix" && name != "equals-ignore-case" && name != "wildcard" &&
      (name != "regexp" || !source.options.allow_regexp)) {
    return source.fail(fmt::format("Unsupported anything-but pattern: {}", name));
  }
  if (source.next() == token::object_begin) {
    return source.fail("Value of anything-but must be an array or single string/number value.");
  }
  if (source.last == token::array_begin) {
    const std::size_t list = source.reader.offset();
    while (source.next() != token::array_end) {
      if (!read_anything_but_text(source, name, out)) return false;
    }
    if (out.empty()) return source.fail("Empty arrays are not allowed", list);
  } else if (!read_anything_but_text(source, name, out)) {
    return false;
  }
  return source.next() == token::object_end || source.fail("Only one key allowed in match expression");
}

bool read_anything_but(pattern_source& source, condition& out) {
  out.kind = test_kind::anything_but;
  bool good = false;
  switch (source.last) {
    case token::object_begin: good = read_anything_but_operator(source, out.of); break;
    case token::array_begin: good = read_anything_but_list(source, out.of); break;
    case token::string:
    case token::number: good = read_anything_but_item(source, out.of.emplace_back()); break;
    default: return source.fail("Value of anything-but must be an array or single string/number value.");
  }
  if (good) make_canonical(out.of);
  return good;
}

// ---- all

bool read_all(pattern_source& source, condition& out) {
  if (source.last != token::array_begin) return source.fail("Value of all must be an array.");
  out.kind = test_kind::all;
  const std::size_t begin = source.reader.offset();
  while (source.next() != token::array_end) {
    const std::size_t at = source.reader.offset();
    condition& part = out.of.emplace_back();
    if (!read_value(source, part)) return false;
    if (part.kind == test_kind::absent) return source.fail("Inside all list, {\"exists\": false} is not supported.", at);
    if (part.kind == test_kind::all) return source.fail("Inside all list, another all is not supported.", at);
  }
  if (out.of.empty()) return source.fail("Empty arrays are not allowed", begin);
  make_canonical(out.of);
  return true;
}

// ---- one value

bool is_text_operator(std::string_view name, const pattern_options& options) {
  static constexpr std::string_view names[] = {"exactly", "prefix", "suffix", "equals-ignore-case", "wildcard", "cidr"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names) || (name == "regexp" && options.allow_regexp);
}

bool read_operator(pattern_source& source, condition& out) {
  const std::size_t begin = source.reader.offset();
  if (source.next() == token::object_end) return source.fail("Match expression name not found", begin);
  if (source.last != token::key) return false;
  const std::string name(source.reader.text());
  const std::size_t at = source.reader.offset();
  if (source.next() == token::error) return false;
  bool good = false;
  if (is_text_operator(name, source.options)) {
    good = read_text_operand(source, name, out);
  } else if (name == "numeric") {
    good = read_numeric(source, out);
  } else if (name == "anything-but") {
    good = read_anything_but(source, out);
  } else if (name == "exists") {
    good = read_exists(source, out);
  } else if (name == "all" && source.options.allow_all) {
    good = read_all(source, out);
  } else {
    return source.fail(fmt::format("Unrecognized match type {}", name), at);
  }
  return good && (source.next() == token::object_end || source.fail("Only one key allowed in match expression"));
}

void make_literal_number(std::string_view text, condition& out) {
  if (const std::optional<double> value = comparable(text)) return make_number(*value, out);
  out.kind = test_kind::number_text;
  out.text = text;
}

void make_literal_string(std::string_view text, condition& out) {
  if (const std::optional<ip_address> address = parse_ip(text)) {
    out.kind = test_kind::ip_equals;
    out.text = to_string(*address);
    out.ip = *address;
  } else {
    out.kind = test_kind::string_equals;
    out.text = text;
  }
}

bool read_value(pattern_source& source, condition& out) {
  switch (source.last) {
    case token::object_begin: return read_operator(source, out);
    case token::string: make_literal_string(source.reader.text(), out); return true;
    case token::number: make_literal_number(source.reader.text(), out); return true;
    case token::true_value: out.kind = test_kind::true_value; return true;
    case token::false_value: out.kind = test_kind::false_value; return true;
    case token::null_value: out.kind = test_kind::null_value; return true;
    default: return source.fail("Match value must be String, number, true, false, or null");
  }
}

}  // namespace pattern_values

bool read_values(pattern_source& source, std::vector<condition>& out) {
  const std::size_t begin = source.reader.offset();
  while (source.next() != token::array_end) {
    if (!pattern_values::read_value(source, out.emplace_back())) return false;
  }
  if (out.empty()) return source.fail("Empty arrays are not allowed", begin);
  make_canonical(out);
  return true;
}

void make_canonical(std::vector<condition>& any_of) {
  if (any_of.size() < 2) return;
  struct keyed {
    bool absent;
    std::string text;
    std::size_t index;
  };
  std::vector<keyed> order;
  order.reserve(any_of.size());
  for (std::size_t i = 0; i < any_of.size(); ++i) {
    keyed& e = order.emplace_back(keyed{any_of[i].kind == test_kind::absent, {}, i});
    append_condition(e.text, any_of[i]);
  }
  const auto key = [](const keyed& e) { return std::pair<bool, std::string_view>(e.absent, e.text); };
  std::sort(order.begin(), order.end(), [&](const keyed& a, const keyed& b) { return key(a) < key(b); });
  order.erase(std::unique(order.begin(), order.end(), [&](const keyed& a, const keyed& b) { return key(a) == key(b); }),
              order.end());
  std::vector<condition> sorted;
  sorted.reserve(order.size());
  for (const keyed& e : order) sorted.push_back(std::move(any_of[e.index]));
  any_of = std::move(sorted);
}

}  // namespace rulebus::inline v1::detail
