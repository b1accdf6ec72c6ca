// naive_condition: one value of a pattern's field, as a function of one leaf; the slow and obvious way (docs/patterns.md,
// "Grammar"). Invalid values throw naive::rejected.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "naive_json.hpp"
#include "naive_values.hpp"

namespace naive {

struct rejected : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool ok, const char* why) {
  if (!ok) throw rejected(why);
}

/// The additions of rulebus::pattern_options. Regular expressions are std::regex's: tests keep to what RE2 reads alike.
struct additions {
  bool regexp = false, wildcard_ignore_case = false, cidr_single_address = false, all = false;
};

struct condition {
  bool absent = false;  // {"exists": false}: then `passes` is never true
  std::function<bool(const value& leaf)> passes{};
};

class condition_compiler {
 public:
  explicit condition_compiler(const additions& allowed) : allowed_(allowed) {}

  condition one_value(const value& v) {
    switch (v.type) {
      case kind::object: return operation(v);
      case kind::string:
        if (const auto a = parse_address(v.text)) return on_text([a](const std::string& s) { return parse_address(s) == a; });
        return on_text([t = v.text](const std::string& s) { return s == t; });
      case kind::number:
        return {false, [t = v.text, n = comparable(v.text)](const value& leaf) {
                  return leaf.is(kind::number) && (leaf.text == t || (n && n == comparable(leaf.text)));
                }};
      case kind::array: throw rejected("array inside an array");
      default: return {false, [k = v.type](const value& leaf) { return leaf.is(k); }};
    }
  }

 private:
  static condition on_text(std::function<bool(const std::string&)> test) {
    return {false, [test](const value& leaf) { return leaf.is(kind::string) && test(leaf.text); }};
  }
  static condition on_number(std::function<bool(double)> test) {
    return {false, [test](const value& leaf) {
              const auto number = leaf.is(kind::number) ? comparable(leaf.text) : std::nullopt;
              return number && test(*number);
            }};
  }

  condition operation(const value& o) {
    require(o.items.size() == 1, "an operator is an object with one key");
    const std::string& name = o.keys[0];
    const value& v = o.items[0];
    if (name == "exists") {
      require(v.is(kind::true_value) || v.is(kind::false_value), "exists takes true or false");
      if (v.is(kind::false_value)) return {true, [](const value&) { return false; }};
      return {false, [](const value&) { return true; }};
    }
    if (name == "numeric") return numeric(v);
    if (name == "anything-but") return anything_but(v);
    if (name == "all" && allowed_.all) return all(v);
    if (v.is(kind::object)) return ignore_case(name, v);
    require(v.is(kind::string), "expected a string");
    return text_operation(name, v.text);
  }

  condition text_operation(const std::string& name, const std::string& text) {
    if (name == "exactly") return on_text([text](const std::string& s) { return s == text; });
    if (name == "prefix") return on_text([text](const std::string& s) { return s.starts_with(text); });
    if (name == "suffix") return on_text([text](const std::string& s) { return s.ends_with(text); });
    if (name == "equals-ignore-case")
      return on_text([c = to_caseless(text)](const std::string& s) { return caseless_ends(c, s, 0).count(s.size()) != 0; });
    if (name == "wildcard") return wildcard(text, false);
    if (name == "cidr") return cidr(text);
    require(name == "regexp" && allowed_.regexp, "unknown operator");
    try {
      return on_text([r = std::regex(text)](const std::string& s) { return std::regex_match(s, r); });
    } catch (const std::regex_error& e) {
      throw rejected(e.what());
    }
  }

  condition ignore_case(const std::string& name, const value& v) {
    require(v.items.size() == 1 && v.keys[0] == "equals-ignore-case" && v.items[0].is(kind::string), "bad object");
    const caseless c = to_caseless(v.items[0].text);
    if (name == "prefix") return on_text([c](const std::string& s) { return !caseless_ends(c, s, 0).empty(); });
    if (name == "suffix")
      return on_text([c](const std::string& s) {
        for (std::size_t start = 0; start <= s.size(); ++start)
          if (caseless_ends(c, s, start).count(s.size()) != 0) return true;
        return false;
      });
    require(name == "wildcard" && allowed_.wildcard_ignore_case, "unknown operator");
    return wildcard(v.items[0].text, true);
  }

  /// Each piece of the text is either a star, or a character with all that it accepts.
  static condition wildcard(const std::string& text, bool caseless_too) {
    std::string literal;
    std::vector<bool> star;  // one per byte of `literal`
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      require(text[i] != '*' || next != '*', "two stars in a row");
      require(text[i] != '\\' || next == '*' || next == '\\', "unknown escape");
      star.push_back(text[i] == '*');
      literal += text[i] == '\\' ? text[++i] : text[i];
    }
    std::vector<std::set<std::string>> pieces;  // an empty set is a star
    for (std::size_t i = 0, end = 0; i < literal.size(); i = end) {
      for (end = i + 1; end < literal.size() && (literal[end] & 0xc0) == 0x80;) ++end;
      const std::string c = literal.substr(i, end - i);
      pieces.push_back(star[i] ? std::set<std::string>{} : caseless_too ? to_caseless(c)[0] : std::set<std::string>{c});
    }
    return on_text([pieces](const std::string& s) {
      std::set<std::size_t> places = {0};
      for (const auto& piece : pieces) {
        std::set<std::size_t> next;
        for (const std::size_t at : places) {
          for (std::size_t to = at; piece.empty() && to <= s.size(); ++to) next.insert(to);
          for (const std::string& t : piece)
            if (s.compare(at, t.size(), t) == 0) next.insert(at + t.size());
        }
        places = next;
      }
      return places.count(s.size()) != 0;
    });
  }

  condition cidr(const std::string& text) const {
    auto parts = split(text, '/');
    while (!parts.empty() && parts.back().empty()) parts.pop_back();
    require(parts.size() == 2, "one '/' required");
    const auto base = parse_address(parts[0]);
    const bool sign = parts[1][0] == '+' || parts[1][0] == '-';
    const std::string digits = parts[1].substr(sign ? 1 : 0);
    require(base && !digits.empty() && digits.size() < 9 && all_in(digits, "0123456789"), "not an address and a number");
    const std::size_t bits = std::stoul(digits);
    require(parts[1][0] != '-' || bits == 0, "negative");
    require(bits < base->size() * 8 + (allowed_.cidr_single_address ? 1 : 0), "too many bits");
    return on_text([network = masked(*base, bits), bits](const std::string& s) {
      const auto a = parse_address(s);
      return a && masked(*a, bits) == network;
    });
  }

  static double number(const value& v) {
    require(v.is(kind::number), "expected a number");
    const auto n = comparable(v.text);
    require(n.has_value(), "a number that cannot be compared");
    return *n;
  }

  static condition numeric(const value& v) {
    require(v.is(kind::array) && (v.items.size() == 2 || v.items.size() == 4) && v.items[0].is(kind::string), "numeric");
    const std::string& op = v.items[0].text;
    const double a = number(v.items[1]), biggest = std::numeric_limits<double>::max();
    if (v.items.size() == 4) {
      require((op == ">" || op == ">=") && v.items[2].is(kind::string), "range");
      const std::string& op2 = v.items[2].text;
      const double b = number(v.items[3]);
      require((op2 == "<" || op2 == "<=") && a < b, "range");
      return on_number([=, low_open = op == ">", high_open = op2 == "<"](double n) {
        return (low_open ? n > a : n >= a) && (high_open ? n < b : n <= b);
      });
    }
    // The reference cannot build the ranges that end where they begin.
    require(op[0] != '<' || a != -biggest, "nothing is below");
    require(op[0] != '>' || a != biggest, "nothing is above");
    if (op == "=") return on_number([a](double n) { return n == a; });
    if (op == "<") return on_number([a](double n) { return n < a; });
    if (op == "<=") return on_number([a](double n) { return n <= a; });
    if (op == ">") return on_number([a](double n) { return n > a; });
    require(op == ">=", "unknown comparison");
    return on_number([a](double n) { return n >= a; });
  }

  static std::vector<value> list(const value& v) { return v.is(kind::array) ? v.items : std::vector<value>{v}; }

  condition anything_but(const value& v) {
    std::vector<condition> none_of;
    if (v.is(kind::object)) {
      require(v.items.size() == 1, "anything-but takes one operator");
      const std::string& name = v.keys[0];
      const bool affix = name == "prefix" || name == "suffix";
      require(affix || name == "equals-ignore-case" || name == "wildcard" || (name == "regexp" && allowed_.regexp), "operator");
      for (const value& item : list(v.items[0])) {
        require(item.is(kind::string) && !(affix && item.text.empty()), "anything-but takes strings, affixes not empty");
        none_of.push_back(text_operation(name, item.text));
      }
    } else {
      const auto items = list(v);
      for (const value& item : items) {
        require(item.type == items[0].type && (item.is(kind::string) || item.is(kind::number)), "strings or numbers");
        if (item.is(kind::string))
          none_of.push_back(text_operation("exactly", item.text));
        else
          none_of.push_back(on_number([a = number(item)](double n) { return n == a; }));
      }
    }
    require(!none_of.empty(), "anything-but nothing");
    return {false, [none_of](const value& leaf) {
              return std::none_of(none_of.begin(), none_of.end(), [&](const condition& c) { return c.passes(leaf); });
            }};
  }

  condition all(const value& v) {
    require(v.is(kind::array) && !v.items.empty(), "all takes a list");
    std::vector<condition> each;
    for (const value& item : v.items) {
      require(!item.is(kind::object) || item.find("all") == nullptr, "all inside all");
      each.push_back(one_value(item));
      require(!each.back().absent, "exists: false inside all");
    }
    return {false, [each](const value& leaf) {
              return std::all_of(each.begin(), each.end(), [&](const condition& c) { return c.passes(leaf); });
            }};
  }

  additions allowed_;
};

}  // namespace naive
