#include "rulebus/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/pattern_program.hpp"

namespace rulebus::inline v1 {

namespace detail {

namespace pattern_text {

// Everything that walks a program or a tree is recursive over nested objects, so their depth has a bound of its own.
constexpr std::size_t deepest = 2000;

// Joined paths may be longer than the text that they come from; together not more than this many times max_bytes.
constexpr std::size_t path_bytes_factor = 16;

std::size_t saturating_multiply(std::size_t a, std::size_t b) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  return b != 0 && a > most / b ? most : a * b;
}

class program_reader {
 public:
  explicit program_reader(pattern_source& source)
      : source_(source), path_bytes_left_(saturating_multiply(source.options.max_bytes, path_bytes_factor)) {}

  // An object whose `{` is the last token. `combinations` is multiplied by those of its `$or`.
  bool read_object(program& out, bool inside_or, std::size_t& combinations) {
    const std::size_t begin = source_.reader.offset();
    bool empty = true;
    while (source_.next() == token::key) {
      empty = false;
      const std::string_view key = source_.reader.text();
      const std::size_t at = source_.reader.offset();
      if (key == "$or") {
        if (!read_or(out, at, combinations)) return false;
        continue;
      }
      if (inside_or && is_reserved(key)) {
        return source_.fail(fmt::format("{} is Ruler reserved fieldName which cannot be used inside $or.", key));
      }
      // An empty first step vanishes: the reference joins nothing to nothing.
      const std::size_t outer = path_.size();
      if (outer != 0) path_ += '.';
      const std::size_t last_step = path_.size();
      path_ += key;
      if (!read_member(out, last_step, at, inside_or, combinations)) return false;
      path_.resize(outer);
    }
    if (source_.last != token::object_end) return false;
    return !empty || source_.fail("Empty objects are not allowed", begin);
  }

 private:
  // The value of the key that path_ ends with, from `last_step` on.
  bool read_member(program& out, std::size_t last_step, std::size_t at, bool inside_or, std::size_t& combinations) {
    switch (source_.next()) {
      case token::object_begin: return read_object(out, inside_or, combinations);
      case token::array_begin: {
        if (!take_path_bytes(at)) return false;
        auto added = std::make_shared<field>();
        added->path = path_;
        if (!read_values(source_, added->any_of)) return false;
        out.items.push_back({.set = std::move(added), .offset = at});
        return true;
      }
      default: return source_.fail(fmt::format("\"{}\" must be an object or an array", path_.substr(last_step)));
    }
  }

  // A `$or` whose key, at `at`, is the last token.
  bool read_or(program& out, std::size_t at, std::size_t& combinations) {
    if (source_.next() != token::array_begin) return source_.fail("It must be an Array followed with $or.");
    const std::size_t begin = source_.reader.offset();
    if (!take_path_bytes(at)) return false;
    auto added = std::make_shared<program_choice>();
    added->path = path_;
    std::size_t sum = 0;
    while (source_.next() != token::array_end) {
      if (source_.last != token::object_begin) return source_.fail("Only JSON object is allowed in array of $or relationship.");
      std::size_t of_branch = 1;
      if (!read_object(added->branches.emplace_back(), true, of_branch)) return false;
      sum += of_branch;
      if (sum > source_.options.max_combinations || !fits(combinations, sum)) {
        return source_.fail(fmt::format("Rule has more than {} combinations of $or branches", source_.options.max_combinations),
                            at, errc::limit_exceeded);
      }
    }
    if (added->branches.size() < 2) return source_.fail("There must have at least 2 Objects in $or relationship.", begin);
    combinations *= sum;
    out.items.push_back({.choose = std::move(added), .offset = at});
    return true;
  }

  bool fits(std::size_t combinations, std::size_t times) const {
    return times <= source_.options.max_combinations / combinations;
  }

  bool take_path_bytes(std::size_t at) {
    if (path_.size() <= path_bytes_left_) {
      path_bytes_left_ -= path_.size();
      return true;
    }
    return source_.fail(
        fmt::format("Names of fields take more than {} times the bytes of the largest pattern", path_bytes_factor), at,
        errc::limit_exceeded);
  }

  pattern_source& source_;
  std::string path_;
  std::size_t path_bytes_left_;
};

bool read_program(pattern_source& source, program& out) {
  switch (source.next()) {
    case token::object_begin: break;
    case token::error: return false;
    default: return source.fail("Filter is not an object");
  }
  std::size_t combinations = 1;
  return program_reader(source).read_object(out, false, combinations) && source.next() == token::end;
}

}  // namespace pattern_text

bool is_reserved(std::string_view key) noexcept {
  static constexpr std::string_view names[] = {"exactly",
                                               "equals-ignore-case",
                                               "prefix",
                                               "suffix",
                                               "anything-but",
                                               "exists",
                                               "wildcard",
                                               "numeric",
                                               "cidr",
                                               "=",
                                               "<",
                                               "<=",
                                               ">",
                                               ">=",
                                               "regex",
                                               "not-wildcard",
                                               "not-equals-ignore-case",
                                               "date-after",
                                               "date-on-or-after",
                                               "date-before",
                                               "date-on-or-before",
                                               "in-date-range",
                                               "ip-address-in-range",
                                               "ip-address-not-in-range"};
  return std::find(std::begin(names), std::end(names), key) != std::end(names);
}

}  // namespace detail

result<pattern> pattern::parse(std::string_view json, const pattern_options& options) {
  if (json.size() > options.max_bytes) {
    return detail::error_at(errc::limit_exceeded, fmt::format("Pattern is larger than {} bytes", options.max_bytes), json,
                            options.max_bytes);
  }
  if (std::all_of(json.begin(), json.end(), detail::is_json_space)) {
    return detail::error_at(errc::invalid_json, "Filter is not an object", json, json.size());
  }
  detail::pattern_source source(json, options, std::min(options.max_depth, detail::pattern_text::deepest));
  auto tree = std::make_shared<detail::pattern_tree>();
  if (!detail::pattern_text::read_program(source, tree->written)) return source.failure();
  detail::drop_overridden(tree->written);
  result<detail::group> root = detail::normalise(tree->written, options.max_paths);
  if (!root) return detail::error_at(root.error().code, root.error().message, json, root.error().offset);
  tree->root = std::move(*root);
  return pattern(std::move(tree));
}

std::string pattern::dump() const { return detail::dump_program(tree_->written); }

bool operator==(const pattern& a, const pattern& b) { return a.tree_ == b.tree_ || a.dump() == b.dump(); }

}  // namespace rulebus::inline v1
