#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/pattern_program.hpp"

namespace rulebus::inline v1::detail {

namespace pattern_dump {

// ---- conditions

void append_texts(std::string& out, const std::vector<condition>& conditions) {
  char separator = '[';
  for (const condition& c : conditions) {
    out += separator;
    separator = ',';
    append_json_string(out, c.text);
  }
  out += ']';
}

void append_range(std::string& out, const number_range& r) {
  constexpr double most = std::numeric_limits<double>::max();
  const auto append = [&out](const char* operation, bool open, double bound) {
    out += fmt::format("\"{}{}\",{}", operation, open ? "" : "=", shortest(bound));
  };
  const bool no_bottom = r.low == -most && !r.low_open;
  const bool no_top = r.high == most && !r.high_open;
  out += R"({"numeric":[)";
  if (!no_bottom) append(">", r.low_open, r.low);
  if (!no_bottom && !no_top) out += ',';
  if (!no_top || no_bottom) append("<", r.high_open, r.high);
  out += "]}";
}

void append_anything_but(std::string& out, const std::vector<condition>& of) {
  out += R"({"anything-but":)";
  std::string_view name;
  switch (of.front().kind) {
    case test_kind::prefix: name = "prefix"; break;
    case test_kind::suffix: name = "suffix"; break;
    case test_kind::caseless_equals: name = "equals-ignore-case"; break;
    case test_kind::wildcard: name = "wildcard"; break;
    case test_kind::regexp: name = "regexp"; break;
    case test_kind::number_equals: {
      char separator = '[';
      for (const condition& c : of) {
        out += separator;
        separator = ',';
        out += c.text;
      }
      out += "]}";
      return;
    }
    default:
      append_texts(out, of);
      out += '}';
      return;
  }
  out += fmt::format("{{\"{}\":", name);
  append_texts(out, of);
  out += "}}";
}

void append_operator(std::string& out, std::string_view name, std::string_view text) {
  out += fmt::format("{{\"{}\":", name);
  append_json_string(out, text);
  out += '}';
}

void append_ignore_case(std::string& out, std::string_view name, std::string_view text) {
  out += fmt::format("{{\"{}\":", name);
  append_operator(out, "equals-ignore-case", text);
  out += '}';
}

// ---- programs

// A step that cannot stand alone as a key everywhere: empty first steps vanish, and $or, and the reserved names inside one,
// mean something else. Paths with such steps are written whole, as one key with dots, which is never one of these.
bool has_special_step(const std::vector<std::string_view>& steps, bool inside_or) {
  return std::any_of(steps.begin(), steps.end(), [inside_or](std::string_view step) {
    return step.empty() || step == "$or" || (inside_or && is_reserved(step));
  });
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> steps;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = path.find('.', begin);
    steps.push_back(path.substr(begin, dot - begin));
    if (dot == std::string_view::npos) return steps;
    begin = dot + 1;
  }
}

bool is_below(std::string_view path, std::string_view prefix) {
  return path.size() > prefix.size() && path[prefix.size()] == '.' && path.starts_with(prefix);
}

// What is worth knowing of a choice before it is written.
struct choice_facts {
  std::optional<std::string_view> common;  // the longest path that all its paths are below; none: there is none
  bool special = false;                    // some path has a special step
  bool one_stage = true;                   // see writer::stages; and so has every program inside
};

// One object of the output: fields by their steps, and perhaps a `$or` somewhere inside.
struct member {
  std::map<std::string, std::unique_ptr<member>, std::less<>> inside;
  const field* leaf = nullptr;
  const std::string* choice = nullptr;  // the text of a `$or` at this object
  bool holds_choice = false;            // here or inside; written last, after the fields that it may override
};

class writer {
 public:
  explicit writer(bool flat) : flat_(flat) {}

  std::string write(const program& p) {
    note_facts(p);
    return write_object(p, 0, false);
  }

 private:
  // Fields, then at most one choice: what fits into one object in the right order. A program is a row of stages.
  struct stage {
    std::vector<const field*> fields;
    std::optional<std::size_t> choice;  // index into the choices
  };
  struct written_choice {
    const program_choice* choice;
    std::string_view place;  // path of the object that it is written in, below the scope; empty: in the scope's object
    std::string text;
  };

  void note_facts(const program& p) {
    for (const program_item& item : p.items) {
      if (item.choose) facts_.emplace(item.choose.get(), find_facts(*item.choose));
    }
  }

  choice_facts find_facts(const program_choice& c) {
    choice_facts out;
    bool first = true;
    const auto meet = [&](std::optional<std::string_view> prefix) {
      if (first) out.common = prefix;
      first = false;
      out.common = out.common && prefix ? common(*out.common, *prefix) : std::nullopt;
    };
    const auto see = [&](std::string_view path) {
      out.special = out.special || has_special_step(split(path), true);
      meet(parent(path));
    };
    for (const program& b : c.branches) {
      note_facts(b);
      if (b.items.empty()) see(b.overridden);
      for (const program_item& item : b.items) {
        if (item.set) {
          see(item.set->path);
          continue;
        }
        const choice_facts& nested = facts_.at(item.choose.get());
        meet(nested.common);
        out.special = out.special || nested.special;
        out.one_stage = out.one_stage && nested.one_stage;
      }
      out.one_stage = out.one_stage && has_one_stage(b);
    }
    return out;
  }

  static std::optional<std::string_view> parent(std::string_view path) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    return path.substr(0, dot);
  }

  static std::optional<std::string_view> common(std::string_view a, std::string_view b) {
    while (a != b && !is_below(b, a)) {
      const auto shorter = parent(a);
      if (!shorter) return std::nullopt;
      a = *shorter;
    }
    return a;
  }

  // Does some combination of the choice write the path? `overridden` paths count as much as those of fields.
  static bool writes(const program& p, std::string_view path) {
    if (p.items.empty()) return p.overridden == path;
    return std::any_of(p.items.begin(), p.items.end(),
                       [&](const program_item& item) { return item.set ? item.set->path == path : writes(*item.choose, path); });
  }
  static bool writes(const program_choice& c, std::string_view path) {
    return std::any_of(c.branches.begin(), c.branches.end(), [&](const program& b) { return writes(b, path); });
  }

  static bool has_one_stage(const program& p) {
    const program_choice* choice = nullptr;
    for (const program_item& item : p.items) {
      if (item.choose && choice != nullptr) return false;
      if (item.choose) choice = item.choose.get();
      if (item.set && choice != nullptr && writes(*choice, item.set->path)) return false;
    }
    return true;
  }

  // Is there a path that one of them sets and the other writes?
  static bool depend(const program_choice& a, const program_choice& b) {
    path_sets of_a, of_b;
    collect(a, of_a);
    collect(b, of_b);
    const auto meet = [](const auto& some, const auto& others) {
      return std::any_of(some.begin(), some.end(), [&](std::string_view path) { return others.contains(path); });
    };
    return meet(of_a.set, of_b.written) || meet(of_b.set, of_a.written);
  }
  struct path_sets {
    std::unordered_set<std::string_view> set, written;
  };
  static void collect(const program_choice& c, path_sets& out) {
    for (const program& b : c.branches) {
      if (b.items.empty()) out.written.insert(b.overridden);
      for (const program_item& item : b.items) {
        if (item.choose) {
          collect(*item.choose, out);
        } else {
          out.set.insert(item.set->path);
          out.written.insert(item.set->path);
        }
      }
    }
  }

  // Where a choice of this program may be written: at the deepest object that holds all its fields, when every key below
  // can be written plainly. Else in the scope's own object, with whole paths.
  std::string_view place_of(const program& p, const program_choice& c, std::size_t scope) const {
    const choice_facts& f = facts_.at(&c);
    if (flat_ || f.special || !f.one_stage || !f.common || f.common->size() <= scope) return {};
    const bool taken = std::any_of(p.items.begin(), p.items.end(),
                                   [&](const program_item& item) { return item.set && item.set->path == *f.common; });
    return taken ? std::string_view() : f.common->substr(scope);
  }

  // The first `scope` bytes of every path are the object's own and its dot.
  std::string write_object(const program& p, std::size_t scope, bool inside_or) {
    if (p.items.empty()) {
      std::string out = "{";
      append_json_string(out, std::string_view(p.overridden).substr(scope));
      return out + R"(:[{"exists":true}]})";
    }
    std::vector<written_choice> choices;
    for (const program_item& item : p.items) {
      if (!item.choose) continue;
      written_choice& w = choices.emplace_back(written_choice{item.choose.get(), place_of(p, *item.choose, scope), {}});
      w.text = write_choice(*w.choice, w.place.empty() ? scope : scope + w.place.size() + 1);
    }
    const std::vector<stage> stages = arrange(p, choices);
    std::vector<std::string> members;
    std::size_t last = stages.size() - 1;  // the stage written in the innermost of the objects
    for (std::size_t i = 0; i < stages.size(); ++i) {
      members.push_back(write_stage(stages[i], choices, scope, inside_or));
      const auto unnamed = [](const field* f) { return f->path.empty(); };
      if (std::any_of(stages[i].fields.begin(), stages[i].fields.end(), unnamed)) last = i;
    }
    // An object under the empty key is the same object again, so each stage gets one, and no key comes twice. Inside the
    // one with the field named "" itself there can be no other, so stages after it are written around it.
    std::string out;
    for (std::size_t i = last + 1; i < stages.size(); ++i) out += R"({"":)";
    for (std::size_t i = 0; i < last; ++i) out += '{' + members[i] + R"(,"":)";
    out += '{' + members[last] + '}';
    out.append(last, '}');
    for (std::size_t i = last + 1; i < stages.size(); ++i) out += ',' + members[i] + '}';
    return out;
  }

  std::string write_choice(const program_choice& c, std::size_t scope) {
    std::vector<std::string> branches;
    for (const program& b : c.branches) branches.push_back(write_object(b, scope, true));
    std::sort(branches.begin(), branches.end());
    return fmt::format("[{}]", fmt::join(branches, ","));
  }

  // Must the item come behind some earlier one that is not done?
  static bool waits(const program& p, const std::vector<bool>& done, std::size_t at) {
    const program_item& item = p.items[at];
    for (std::size_t i = 0; i < at; ++i) {
      const program_item& before = p.items[i];
      if (done[i] || (before.set && item.set)) continue;  // the fields of one program have different paths
      const bool depends = before.set ? writes(*item.choose, before.set->path)
                           : item.set ? writes(*before.choose, item.set->path)
                                      : depend(*before.choose, *item.choose);
      if (depends) return true;
    }
    return false;
  }

  // The order of the items as far as it means something is kept; otherwise the earliest stage, and the smallest choice.
  // `choices` are those of the program in order.
  static std::vector<stage> arrange(const program& p, const std::vector<written_choice>& choices) {
    const std::size_t count = p.items.size();
    std::vector<bool> done(count);
    std::vector<stage> stages;
    for (std::size_t left = count; left > 0;) {
      stage& s = stages.emplace_back();
      for (std::size_t i = 0; i < count; ++i) {
        if (done[i] || !p.items[i].set || (!choices.empty() && waits(p, done, i))) continue;
        s.fields.push_back(p.items[i].set.get());
        done[i] = true;
        --left;
      }
      std::size_t best = count;
      for (std::size_t i = 0, k = 0; i < count; ++i) {
        if (p.items[i].set) continue;
        const written_choice& w = choices[k++];
        if (done[i] || waits(p, done, i)) continue;
        if (s.choice && std::tie(choices[*s.choice].place, choices[*s.choice].text) <= std::tie(w.place, w.text)) continue;
        s.choice = k - 1;
        best = i;
      }
      if (best == count) continue;
      done[best] = true;
      --left;
    }
    return stages;
  }

  std::string write_stage(const stage& s, const std::vector<written_choice>& choices, std::size_t scope, bool inside_or) const {
    member root;
    for (const field* f : s.fields) find_member(root, std::string_view(f->path).substr(scope), inside_or, false).leaf = f;
    if (s.choice) {
      const written_choice& w = choices[*s.choice];
      root.holds_choice = true;
      (w.place.empty() ? root : find_member(root, w.place, inside_or, true)).choice = &w.text;
    }
    std::string out;
    append_members(out, root, {});
    return out;
  }

  member& find_member(member& root, std::string_view path, bool inside_or, bool for_choice) const {
    constexpr std::size_t most_steps = 32;
    std::vector<std::string_view> steps = split(path);
    if (flat_ || steps.size() > most_steps || has_special_step(steps, inside_or)) steps.assign(1, path);
    member* at = &root;
    for (const std::string_view step : steps) {
      auto found = at->inside.find(step);
      if (found == at->inside.end()) found = at->inside.emplace(std::string(step), std::make_unique<member>()).first;
      at = found->second.get();
      at->holds_choice = at->holds_choice || for_choice;
    }
    return *at;
  }

  // The members of one object without its braces. A field that is also the beginning of other paths cannot be an object
  // too: those paths get keys with dots, beside it.
  static void append_members(std::string& out, const member& m, const std::string& prefix) {
    const auto separate = [&out] {
      if (!out.empty() && out.back() != '{') out += ',';
    };
    for (const bool last : {false, true}) {
      for (const auto& [step, child] : m.inside) {
        if (child->holds_choice != last) continue;
        const std::string key = prefix + step;
        if (child->leaf != nullptr) {
          separate();
          append_json_string(out, key);
          out += ':' + dump_conditions(child->leaf->any_of);
          append_members(out, *child, key + '.');
        } else {
          separate();
          append_json_string(out, key);
          out += ":{";
          append_members(out, *child, {});
          out += '}';
        }
      }
    }
    if (m.choice != nullptr) {
      separate();
      out += R"("$or":)" + *m.choice;
    }
  }

  bool flat_;
  std::unordered_map<const program_choice*, choice_facts> facts_;
};

std::size_t nesting_depth(std::string_view json) {
  std::size_t depth = 0, most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      most = std::max(most, ++depth);
    } else if (!in_string && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return most;
}

}  // namespace pattern_dump

bool shows_empty_keys(std::string_view path) noexcept {
  if (path.empty()) return true;
  while (!path.empty() && path.back() == '.') path.remove_suffix(1);
  return !path.empty() && (path.front() == '.' || path.find("..") != std::string_view::npos);
}

bool utf16_less(std::string_view a, std::string_view b) noexcept {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto c = static_cast<unsigned char>(*x), d = static_cast<unsigned char>(*y);
  // Characters from U+10000 on (lead byte F0 and up) are surrogates in UTF-16, which sort before U+E000 (lead byte EE).
  if (c >= 0xEE && d >= 0xEE && (c >= 0xF0) != (d >= 0xF0)) return c >= 0xF0;
  return c < d;
}

void append_condition(std::string& out, const condition& c) {
  using pattern_dump::append_ignore_case;
  using pattern_dump::append_operator;
  switch (c.kind) {
    case test_kind::string_equals:
      // A plain string that is an address would mean the address.
      if (parse_ip(c.text)) return append_operator(out, "exactly", c.text);
      return append_json_string(out, c.text);
    case test_kind::ip_equals: return append_json_string(out, c.text);
    case test_kind::number_equals:
    case test_kind::number_text: out += c.text; return;
    case test_kind::true_value: out += "true"; return;
    case test_kind::false_value: out += "false"; return;
    case test_kind::null_value: out += "null"; return;
    case test_kind::exists: out += R"({"exists":true})"; return;
    case test_kind::absent: out += R"({"exists":false})"; return;
    case test_kind::prefix: return append_operator(out, "prefix", c.text);
    case test_kind::suffix: return append_operator(out, "suffix", c.text);
    case test_kind::caseless_equals: return append_operator(out, "equals-ignore-case", c.text);
    case test_kind::caseless_prefix: return append_ignore_case(out, "prefix", c.text);
    case test_kind::caseless_suffix: return append_ignore_case(out, "suffix", c.text);
    case test_kind::wildcard: return append_operator(out, "wildcard", c.text);
    case test_kind::caseless_wildcard: return append_ignore_case(out, "wildcard", c.text);
    case test_kind::range: return pattern_dump::append_range(out, c.range);
    case test_kind::cidr: return append_operator(out, "cidr", fmt::format("{}/{}", to_string(c.network.base), c.network.bits));
    case test_kind::regexp: return append_operator(out, "regexp", c.text);
    case test_kind::anything_but: return pattern_dump::append_anything_but(out, c.of);
    case test_kind::all: out += R"({"all":)" + dump_conditions(c.of) + '}'; return;
  }
}

std::string dump_conditions(const std::vector<condition>& any_of) {
  std::string out;
  char separator = '[';
  for (const condition& c : any_of) {
    out += separator;
    separator = ',';
    append_condition(out, c);
  }
  return out + ']';
}

std::string dump_program(const program& p) {
  constexpr std::size_t deepest_nesting = 64;  // keeps the canonical text clear of pattern_options::max_depth
  std::string nested = pattern_dump::writer(false).write(p);
  if (pattern_dump::nesting_depth(nested) <= deepest_nesting) return nested;
  return pattern_dump::writer(true).write(p);
}

}  // namespace rulebus::inline v1::detail
