#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/transformer_program.hpp"
#include "rulebus/detail/transformer_walk.hpp"
#include "rulebus/detail/utf8.hpp"

namespace rulebus::inline v1::detail {

namespace transformer_path {

/// Reads a path step by step: $ and then .name, .*, [3], [*] and, where allowed, ['name'].
class path_parser {
 public:
  path_parser(std::string_view path, const transformer_options& options) : path_(path), options_(options) {}

  result<std::vector<path_step>> parse() {
    if (path_.empty() || path_.front() != '$') return refuse("a path begins with $");
    at_ = 1;
    while (!failed_ && at_ < path_.size()) {
      if (steps_.size() == max_path_steps) {
        return error_at(errc::limit_exceeded, fmt::format("a path has at most {} steps", max_path_steps), path_, at_);
      }
      if (path_[at_] == '.') {
        dotted();
      } else if (path_[at_] == '[') {
        bracketed();
      } else {
        fail("after a step comes . or [");
      }
    }
    if (failed_) return std::move(error_);
    return std::move(steps_);
  }

 private:
  error refuse(std::string_view why) const { return error_at(errc::invalid_argument, std::string(why), path_, at_); }
  void fail(std::string_view why) {
    failed_ = true;
    error_ = refuse(why);
  }

  // What could mean something else in a JSON path, or cannot be seen, is not a part of a name.
  static bool is_name_character(utf8_character c) {
    if (c.length == 0) return false;
    if (c.code >= 0x80) return c.code > 0x9f;
    return c.code > ' ' && c.code != 0x7f &&
           std::string_view("\"'()*,.?[]").find(static_cast<char>(c.code)) == std::string_view::npos;
  }

  void dotted() {
    ++at_;
    if (at_ < path_.size() && path_[at_] == '.') return fail("there is no search at any depth: each step has one dot");
    if (at_ < path_.size() && path_[at_] == '*') {
      ++at_;
      return steps_.push_back({path_step::kind::every});
    }
    const std::size_t first = at_;
    while (at_ < path_.size()) {
      const utf8_character c = decode_utf8(path_, at_);
      if (!is_name_character(c)) break;
      at_ += c.length;
    }
    if (at_ == first) return fail("after a dot comes a name or *");
    const bool ends = at_ == path_.size() || path_[at_] == '.' || path_[at_] == '[';
    if (!ends) return fail("this character cannot be in a name");
    steps_.push_back({path_step::kind::name, std::string(path_.substr(first, at_ - first))});
  }

  void bracketed() {
    ++at_;
    const char c = at_ < path_.size() ? path_[at_] : '\0';
    if (c == '*') {
      ++at_;
      steps_.push_back({path_step::kind::every});
    } else if (c >= '0' && c <= '9') {
      index();
    } else if (c == '\'' || c == '"') {
      quoted(c);
    } else {
      fail("in brackets stands an index from 0 on, or *");
    }
    if (failed_) return;
    if (at_ == path_.size() || path_[at_] != ']') return fail("a bracket ends with ]");
    ++at_;
  }

  void index() {
    const char* const first = path_.data() + at_;
    const char* const last = path_.data() + path_.size();
    std::uint32_t value = 0;
    const auto read = std::from_chars(first, last, value);
    if (read.ec != std::errc()) return fail("this index is too large");
    if (*first == '0' && read.ptr != first + 1) return fail("an index has no leading zeros");
    at_ += static_cast<std::size_t>(read.ptr - first);
    steps_.push_back({path_step::kind::index, {}, value});
  }

  // ['name'] or ["name"]: a backslash takes the next character as it is.
  void quoted(char quote) {
    if (!options_.allow_quoted_names)
      return fail("names follow a dot; names in quotes need transformer_options::allow_quoted_names");
    std::string name;
    for (++at_; at_ < path_.size() && path_[at_] != quote; ++at_) {
      if (path_[at_] == '\\' && ++at_ == path_.size()) break;
      name += path_[at_];
    }
    if (at_ >= path_.size()) return fail("the quoted name does not end");
    ++at_;
    steps_.push_back({path_step::kind::name, std::move(name)});
  }

  std::string_view path_;
  const transformer_options& options_;
  std::size_t at_ = 0;
  std::vector<path_step> steps_;
  bool failed_ = false;
  error error_;
};

bool before(const path_step& a, const path_step& b) {
  return a.type == path_step::kind::name ? a.name < b.name : a.index < b.index;
}

}  // namespace transformer_path

result<std::vector<path_step>> parse_path(std::string_view path, const transformer_options& options) {
  return transformer_path::path_parser(path, options).parse();
}

std::uint32_t program_paths::child(std::uint32_t node, const path_step& step) {
  const auto edges = [&]() -> std::vector<path_trie_node::edge>& {
    return step.type == path_step::kind::name ? program_.nodes[node].members : program_.nodes[node].elements;
  };
  const auto at = std::lower_bound(edges().begin(), edges().end(), step,
                                   [](const auto& e, const path_step& s) { return transformer_path::before(e.step, s); });
  if (at != edges().end() && at->step == step) return at->child;
  const auto added = static_cast<std::uint32_t>(program_.nodes.size());
  edges().insert(at, {step, added});
  program_.nodes.emplace_back();
  return added;
}

std::uint32_t program_paths::add(const std::vector<path_step>& steps) {
  if (program_.nodes.empty()) program_.nodes.emplace_back();
  const auto wildcard =
      std::find_if(steps.begin(), steps.end(), [](const path_step& s) { return s.type == path_step::kind::every; });
  selector made;
  for (auto step = steps.begin(); step != wildcard; ++step) made.node = child(made.node, *step);
  made.rest.assign(wildcard, steps.end());
  program_.nodes[made.node].is_wanted = true;
  program_.selectors.push_back(std::move(made));
  return static_cast<std::uint32_t>(program_.selectors.size() - 1);
}

std::uint32_t program_paths::copy(std::uint32_t from, std::vector<path_trie_node>& to, std::vector<std::uint32_t>& number) const {
  const auto own = static_cast<std::uint32_t>(to.size());
  number[from] = own;
  to.push_back(program_.nodes[from]);
  for (std::size_t i = 0; i < program_.nodes[from].members.size(); ++i) {
    const std::uint32_t moved = copy(program_.nodes[from].members[i].child, to, number);
    to[own].members[i].child = moved;
  }
  for (std::size_t i = 0; i < program_.nodes[from].elements.size(); ++i) {
    const std::uint32_t moved = copy(program_.nodes[from].elements[i].child, to, number);
    to[own].elements[i].child = moved;
  }
  to[own].end = static_cast<std::uint32_t>(to.size());
  return own;
}

void program_paths::finish() {
  if (program_.nodes.empty()) return;
  std::vector<path_trie_node> ordered;
  ordered.reserve(program_.nodes.size());
  std::vector<std::uint32_t> number(program_.nodes.size());
  copy(0, ordered, number);
  program_.nodes = std::move(ordered);
  for (selector& s : program_.selectors) s.node = number[s.node];
}

error invalid_path(const error& reason, std::string_view target_id) {
  error out = reason;
  out.message = fmt::format("InputPath for target {} is invalid. Reason: {}.", target_id, reason.message);
  return out;
}

result<void> check_text_length(std::string_view text, std::size_t most, std::string_view member) {
  std::size_t characters = 0;
  for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  if (characters <= most) return {};
  return error{
      errc::limit_exceeded,
      fmt::format("1 validation error detected: Value '{}' at 'targets.1.member.{}' failed to satisfy constraint: Member "
                  "must have length less than or equal to {}",
                  text, member, most)};
}

}  // namespace rulebus::inline v1::detail
