// random_patterns: rules and events over alphabets so small that rules interact and a good part of them matches. A
// generator draws a palette of keys and values when it is made, and everything that it then makes is of that palette.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "naive_json.hpp"
#include "naive_values.hpp"
#include "random_palette.hpp"
#include "random_source.hpp"

namespace tests {

struct profile {
  const char* name;
  unsigned or_percent;                          // of a pattern's objects have a $or
  unsigned array_percent;                       // of an event's values are arrays
  unsigned absent_percent;                      // of conditions are {"exists": false}
  unsigned odd_percent;                         // of keys are dotted, empty or beyond ASCII, and of an event's keys come twice
  unsigned strings, numbers, words, addresses;  // weights of the types of leaves
};

inline const std::vector<profile> profiles = {
    {"plain", 6, 10, 8, 4, 5, 3, 2, 1},       {"arrays", 6, 50, 15, 4, 4, 3, 1, 0},  {"or", 60, 15, 10, 4, 4, 3, 2, 0},
    {"strings", 6, 10, 4, 2, 20, 1, 1, 0},    {"numbers", 6, 10, 4, 2, 1, 20, 1, 0}, {"addresses", 6, 10, 4, 2, 3, 1, 1, 12},
    {"odd keys", 25, 30, 20, 50, 4, 3, 2, 0},
};

class generator {
 public:
  generator(std::uint64_t seed, const profile& p, bool with_additions = false)
      : random_(seed), palette_(random_), profile_(p), additions_(with_additions) {}

  random_source& random() { return random_; }

  /// Valid, but for a few in a hundred.
  std::string pattern() { return pattern_object(0, false); }
  /// A valid event.
  std::string event() { return event_object(0); }

  /// A text with one byte changed, left out or put in: often no JSON any more.
  std::string damaged(std::string text) {
    const std::size_t at = random_.below(text.size());
    const char c = "{}[],:\"\\0e.-u\x01\x80\xff n"[random_.below(18)];
    switch (random_.below(4)) {
      case 0: return text.erase(at, 1);
      case 1: return text.insert(at, 1, c);
      case 2: return text.substr(0, at);
      default: return text[at] = c, text;
    }
  }

 private:
  using texts = palette::texts;

  // ---- pieces of JSON

  /// Text in quotes; now and then some characters are written as \u escapes.
  std::string quoted(std::string_view s) {
    std::string out;
    if (!random_.percent(6)) return naive::write_string(s, out), out;
    const std::string_view digits = random_.percent(50) ? "0123456789ABCDEF" : "0123456789abcdef";
    out = '"';
    for (const unsigned unit : naive::to_utf16(s)) {
      out += "\\u";
      for (const unsigned shift : {12U, 8U, 4U, 0U}) out += digits[unit >> shift & 15U];
    }
    return out += '"';
  }

  std::string space() {
    if (!random_.percent(2)) return "";
    return random_.percent(30) ? std::string(random_.below(130), ' ') : random_.pick(texts{" ", "\n", "\t \r\n"});
  }
  std::string member(std::string_view key, const std::string& v) { return quoted(key) + ':' + space() + v; }
  std::string operation(std::string_view name, const std::string& v) { return '{' + member(name, v) + '}'; }
  std::string key() {
    return random_.percent(profile_.odd_percent) ? random_.pick(palette_.odd_keys) : random_.pick(palette_.keys);
  }

  char leaf_type() {
    const unsigned weights[] = {profile_.strings, profile_.numbers, profile_.words, profile_.addresses};
    std::size_t n = random_.below(weights[0] + weights[1] + weights[2] + weights[3]);
    for (std::size_t i = 0;; n -= weights[i++])
      if (n < weights[i]) return "snwa"[i];
  }
  /// Some palette strings together: long enough for every length of what is looked for inside strings.
  std::string joined() {
    std::string out;
    for (std::size_t n = random_.between(2, 5); n > 0; --n) out += random_.pick(palette_.strings);
    return out;
  }
  std::string leaf() {
    if (random_.percent(3)) return random_.pick(palette_.odd_values);
    switch (leaf_type()) {
      case 's': return quoted(random_.percent(80) ? random_.pick(palette_.strings) : joined());
      case 'n': return random_.pick(palette_.numbers);
      case 'w': return random_.pick(texts{"true", "false", "null"});
      default: return quoted(random_.pick(palette_.addresses));
    }
  }

  // ---- patterns

  std::string pattern_object(int depth, bool inside_or) {
    std::string out;
    const std::size_t fields = random_.percent(70) ? 1 : random_.between(1, 3);
    const bool has_or = random_.percent(depth < 3 ? profile_.or_percent / static_cast<unsigned>(depth + 1) : 0);
    const std::size_t or_at = has_or ? random_.below(fields + 1) : fields + 2;
    for (std::size_t i = 0; i < fields + (has_or ? 1 : 0); ++i) {
      if (!out.empty()) out += ',' + space();
      out += i == or_at ? member("$or", branches(depth)) : pattern_field(depth, inside_or);
    }
    return random_.percent(1) && depth == 2 ? "{}" : '{' + out + '}';
  }

  std::string branches(int depth) {
    std::string out;
    for (std::size_t n = random_.percent(1) ? 1 : random_.between(2, 3); n > 0; --n)
      out += (out.empty() ? "" : ",") + pattern_object(depth + 1, true);
    return '[' + out + ']';
  }

  std::string pattern_field(int depth, bool inside_or) {
    const std::string k = key();
    if (depth < 2 && random_.percent(20)) return member(k, pattern_object(depth + 1, inside_or));
    std::string values;
    for (std::size_t n = random_.percent(40) ? 1 : random_.between(1, 4); n > 0; --n)
      values += (values.empty() ? "" : ",") + condition();
    return member(k, random_.below(200) == 0 ? random_.pick(texts{"[]", "1", "\"a\"", "[[1]]", "[{}]"}) : '[' + values + ']');
  }

  std::string condition() {
    if (random_.percent(profile_.absent_percent)) return operation("exists", "false");
    if (random_.percent(5)) return operation("exists", "true");
    if (random_.percent(15)) return anything_but();
    if (additions_ && random_.percent(12)) return operation("all", '[' + condition() + ',' + condition() + ']');
    switch (leaf_type()) {
      case 's': return text_condition();
      case 'n': return random_.percent(40) ? leaf() : numeric();
      case 'w': return random_.pick(texts{"true", "false", "null"});
      default: return random_.percent(50) ? quoted(random_.pick(palette_.addresses)) : cidr();
    }
  }

  /// Whole characters of a palette string, from one end; seldom none.
  std::string part(bool from_end) {
    const std::string& s = random_.pick(palette_.strings);
    std::size_t at = random_.below(s.size() + 1);
    while (at < s.size() && (s[at] & 0xc0) == 0x80) ++at;
    const std::string out = from_end ? s.substr(at) : s.substr(0, at);
    return out.empty() && random_.percent(80) ? random_.pick(texts{"a", "b", "A"}) : out;
  }

  /// A third with stars at both ends.
  std::string wildcard() {
    const bool inside = random_.percent(25);
    std::string out = inside || random_.percent(30) ? "*" : "";
    for (std::size_t n = random_.between(1, 3); n > 0; --n) {
      const std::string text = inside && random_.percent(40) ? joined() : part(n % 2 == 0);
      for (const char c : text) out += std::string(c == '*' || c == '\\' ? "\\" : "") + c;
      const bool after_star = out.ends_with('*') && !out.ends_with("\\*");
      if ((n > 1 || inside || random_.percent(40)) && (!after_star || random_.percent(1))) out += '*';
    }
    return out;
  }

  std::string regexp() {
    return random_.pick(texts{"a", "a|b", "[ab]+", "a.*", "(a|ab)(b|)", "", ".*b", "[^a]*", "a{1,2}b?", "A?a*B*"});
  }

  std::string text_condition() {
    const auto ignoring_case = [&](const std::string& s) { return operation("equals-ignore-case", quoted(s)); };
    switch (random_.below(additions_ ? 12 : 10)) {
      case 0: return operation("prefix", quoted(part(false)));
      case 1: return operation("suffix", quoted(part(true)));
      case 2: return ignoring_case(random_.pick(palette_.strings));
      case 3: return operation("prefix", ignoring_case(part(false)));
      case 4: return operation("suffix", ignoring_case(part(true)));
      case 5:
      case 6: return operation("wildcard", quoted(wildcard()));
      case 7: return operation("exactly", quoted(random_.pick(palette_.strings)));
      case 10: return operation("wildcard", ignoring_case(wildcard()));
      case 11: return operation("regexp", quoted(regexp()));
      default: return quoted(random_.pick(palette_.strings));
    }
  }

  std::string numeric() {
    std::string a = random_.pick(palette_.numbers), b = random_.percent(50) ? random_.pick(palette_.numbers) : "1e9";
    const double x = std::strtod(a.c_str(), nullptr), y = std::strtod(b.c_str(), nullptr);
    if (random_.percent(50) || (x == y && random_.percent(95)))
      return operation("numeric", '[' + quoted(random_.pick(texts{"=", "<", "<=", ">", ">="})) + ',' + a + ']');
    if (y < x) a.swap(b);
    return operation("numeric", '[' + quoted(random_.pick(texts{">", ">="})) + ',' + a + ',' +
                                    quoted(random_.pick(texts{"<", "<="})) + ',' + b + ']');
  }

  std::string cidr() {
    const std::string& a = random_.pick(palette_.addresses);
    const bool v4 = a.find(':') == std::string::npos || a.find("ffff:a") != std::string::npos;
    const std::size_t bits = v4 ? random_.pick<std::size_t>({0, 8, 15, 24, 30, 31}) : random_.below(128);
    return operation("cidr", quoted(a + '/' + std::to_string(random_.percent(2) || additions_ ? bits + 1 : bits)));
  }

  std::string anything_but() {
    const std::size_t form = random_.below(additions_ ? 8 : 7);
    std::string list;
    for (std::size_t n = random_.between(1, 3); n > 0; --n) {
      std::string item;
      switch (form) {
        case 0: item = quoted(part(false)); break;
        case 1: item = quoted(part(true)); break;
        case 3: item = quoted(wildcard()); break;
        case 6: item = random_.pick(palette_.numbers); break;
        case 7: item = quoted(regexp()); break;
        default: item = quoted(random_.pick(palette_.strings));
      }
      if (n == 1 && random_.percent(30)) return operation("anything-but", wrapped(form, item));
      list += (list.empty() ? "" : ",") + item;
    }
    return operation("anything-but", wrapped(form, '[' + list + ']'));
  }
  std::string wrapped(std::size_t form, const std::string& v) {
    const char* names[] = {"prefix", "suffix", "equals-ignore-case", "wildcard", "", "", "", "regexp"};
    return *names[form] == '\0' ? v : operation(names[form], v);
  }

  // ---- events

  std::string event_object(int depth) {
    std::string out;
    texts used;
    for (std::size_t n = random_.between(depth == 0 ? 2 : 0, 5); n > 0; --n) {
      const std::string k = random_.percent(5) ? "unused" : key();
      const bool again = std::find(used.begin(), used.end(), k) != used.end();
      if (again && !random_.percent(profile_.odd_percent / 2)) continue;
      used.push_back(k);
      out += (out.empty() ? "" : "," + space()) + member(k, event_value(depth + 1));
    }
    return '{' + space() + out + space() + '}';
  }

  std::string event_value(int depth) {
    if (depth < 5 && random_.percent(profile_.array_percent)) return event_array(depth);
    return depth < 4 && random_.percent(depth == 1 ? 30 : 15) ? event_object(depth) : leaf();
  }

  std::string event_array(int depth) {
    std::string out;
    const bool of_objects = random_.percent(60);
    for (std::size_t n = random_.below(4); n > 0; --n) {
      const bool object = depth < 4 && (of_objects ? random_.percent(85) : random_.percent(10));
      out += (out.empty() ? "" : "," + space()) + (object ? event_object(depth) : event_value(depth + 1));
    }
    return '[' + out + ']';
  }

  random_source random_;
  palette palette_;
  profile profile_;
  bool additions_;
};

}  // namespace tests
