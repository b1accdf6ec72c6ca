#include <algorithm>
#include <optional>

#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/detail/regexp.hpp"

namespace rulebus::inline v1::detail {

namespace conditions {

constexpr std::size_t npos = std::string_view::npos;

// Knuth, Morris, Pratt: never more than linear, however the piece repeats itself.
std::size_t find_linear(std::string_view value, std::string_view piece, std::size_t from, std::vector<std::uint32_t>& borders) {
  borders.assign(piece.size(), 0);  // of each prefix: the length of the longest proper border
  for (std::size_t i = 1, length = 0; i < piece.size(); ++i) {
    while (length > 0 && piece[i] != piece[length]) length = borders[length - 1];
    if (piece[i] == piece[length]) ++length;
    borders[i] = static_cast<std::uint32_t>(length);
  }
  for (std::size_t i = from, length = 0; i < value.size(); ++i) {
    while (length > 0 && value[i] != piece[length]) length = borders[length - 1];
    if (value[i] == piece[length]) ++length;
    if (length == piece.size()) return i + 1 - length;
  }
  return npos;
}

std::size_t find(std::string_view value, std::string_view piece, std::size_t from, test_scratch& scratch) {
  if (piece.size() <= 16) return value.find(piece, from);  // its worst case is 16 times linear
  if (from + piece.size() > value.size()) return npos;
  return find_linear(value, piece, from, scratch.positions);
}

// Takes the leftmost place for every piece: if there is any match, there is one with these, since a star takes up the rest.
bool wildcard_passes(const wildcard_pieces& p, std::string_view value, test_scratch& scratch) {
  const std::string& first = p.literals.front();
  const std::string& last = p.literals.back();
  if (p.literals.size() == 1) return value == first;
  if (value.size() < first.size() + last.size() || !value.starts_with(first) || !value.ends_with(last)) return false;
  value.remove_suffix(last.size());
  std::size_t at = first.size();
  for (std::size_t i = 1; i + 1 < p.literals.size(); ++i) {
    at = find(value, p.literals[i], at, scratch);
    if (at == npos) return false;
    at += p.literals[i].size();
  }
  return true;
}

// The smallest end of any match of the piece at or behind `from`. The smallest end and not the first beginning: matches of
// one piece may differ in length.
std::size_t find_end(const caseless_text& piece, std::string_view value, std::size_t from, test_scratch& scratch) {
  std::size_t best = npos;
  for (std::size_t begin = from; begin < std::min(best, value.size()); ++begin) {
    if (caseless_prefix(piece, value.substr(begin), scratch.positions)) {
      best = std::min(best, begin + scratch.positions.front());
    }
  }
  return best;
}

bool caseless_wildcard_passes(const std::vector<caseless_text>& pieces, std::string_view value, test_scratch& scratch) {
  if (pieces.size() == 1) return caseless_equals(pieces.front(), value, scratch.positions);
  if (!caseless_prefix(pieces.front(), value, scratch.positions)) return false;
  std::size_t at = scratch.positions.front();
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    at = find_end(pieces[i], value, at, scratch);
    if (at == npos) return false;
  }
  return caseless_suffix(pieces.back(), value.substr(at), scratch.positions);
}

bool in_range(const number_range& r, double value) {
  return (r.low_open ? value > r.low : value >= r.low) && (r.high_open ? value < r.high : value <= r.high);
}

bool number_passes(const condition& c, std::string_view text, const std::optional<double>& value) {
  if (c.kind == test_kind::number_text) return text == c.text;
  if (!value || (c.kind != test_kind::number_equals && c.kind != test_kind::range)) return false;
  return c.kind == test_kind::range ? in_range(c.range, *value) : *value == c.number;
}

// Apart, to leave little to what is asked most.
[[gnu::noinline]] bool other_string_passes(const condition& c, std::string_view text, test_scratch& scratch) {
  switch (c.kind) {
    case test_kind::caseless_equals: return caseless_equals(c.caseless, text, scratch.positions);
    case test_kind::caseless_prefix: return caseless_prefix(c.caseless, text, scratch.positions);
    case test_kind::caseless_suffix: return caseless_suffix(c.caseless, text, scratch.positions);
    case test_kind::wildcard: return wildcard_passes(c.pieces, text, scratch);
    case test_kind::caseless_wildcard: return caseless_wildcard_passes(c.pieces.caseless, text, scratch);
    case test_kind::regexp: return c.compiled->matches(text);
    case test_kind::ip_equals: {
      const std::optional<ip_address> address = parse_ip(text);
      return address && *address == c.ip;
    }
    case test_kind::cidr: {
      const std::optional<ip_address> address = parse_ip(text);
      return address && contains(c.network, *address);
    }
    default: return false;
  }
}

inline bool string_passes(const condition& c, std::string_view text, test_scratch& scratch) {
  const std::string_view literal = c.text;
  switch (c.kind) {
    case test_kind::string_equals: return same_bytes(text, literal);
    case test_kind::prefix: return text.size() >= literal.size() && same_bytes(text.substr(0, literal.size()), literal);
    case test_kind::suffix:
      return text.size() >= literal.size() && same_bytes(text.substr(text.size() - literal.size()), literal);
    default: return other_string_passes(c, text, scratch);
  }
}

bool literal_passes(const condition& c, leaf_type type) {
  switch (type) {
    case leaf_type::true_value: return c.kind == test_kind::true_value;
    case leaf_type::false_value: return c.kind == test_kind::false_value;
    default: return c.kind == test_kind::null_value;
  }
}

[[gnu::noinline]] bool other_passes_one(const condition* first, const condition* end, const leaf& value) {
  const auto any = [=](auto test) { return std::any_of(first, end, test); };
  if (value.type != leaf_type::number) return any([&](const condition& c) { return literal_passes(c, value.type); });
  const std::optional<double> number = comparable(value.text);
  return any([&](const condition& c) { return number_passes(c, value.text, number); });
}

/// Whether the leaf passes one of the conditions, none of which has conditions in it.
inline bool passes_one(const condition* first, const condition* end, const leaf& value, test_scratch& scratch) {
  if (value.type != leaf_type::string) return other_passes_one(first, end, value);
  for (; first != end; ++first) {
    if (string_passes(*first, value.text, scratch)) return true;
  }
  return false;
}

}  // namespace conditions

bool passes(const condition& c, const leaf& value, test_scratch& scratch) {
  switch (c.kind) {
    case test_kind::exists: return true;
    case test_kind::absent: return false;
    case test_kind::anything_but: return !conditions::passes_one(c.of.data(), c.of.data() + c.of.size(), value, scratch);
    case test_kind::all:
      return std::all_of(c.of.begin(), c.of.end(), [&](const condition& part) { return passes(part, value, scratch); });
    default: return conditions::passes_one(&c, &c + 1, value, scratch);
  }
}

}  // namespace rulebus::inline v1::detail
