#include "rulebus/detail/event_leaves.hpp"

#include <algorithm>

#include "rulebus/detail/json_cursor.hpp"
#include "rulebus/detail/json_index.hpp"

namespace rulebus::inline v1::detail {

namespace leaves {

class finder {
 public:
  finder(const json_structure& s, container_stack& open, const std::set<std::string>& paths, event_leaves& out)
      : cursor_(s, open), paths_(paths), out_(out), sees_empty_keys_(std::any_of(paths.begin(), paths.end(), shows_empty_keys)) {}

  bool run() { return object(0, true) && cursor_.at_end(); }

 private:
  bool object(std::uint32_t element, bool top) {
    if (!cursor_.enter(true)) return false;
    if (cursor_.peek() == '}') return cursor_.leave(), true;
    for (;;) {
      std::string_view raw;
      std::string key;
      if (cursor_.peek() != '"' || !cursor_.raw_string(raw) || cursor_.peek() != ':' || !decoded(raw, key)) return false;
      cursor_.step();
      const std::size_t length = path_.size();
      path_ += (top ? "" : ".") + key;
      const bool seen = !key.empty() || sees_empty_keys_;
      if (!(seen && leads_somewhere() ? value(element) : cursor_.skip_value())) return false;
      path_.resize(length);
      if (cursor_.at_end()) return false;
      if (cursor_.peek() == '}') return cursor_.leave(), true;
      if (cursor_.peek() != ',') return false;
      cursor_.step();
    }
  }

  bool array(std::uint32_t element) {
    if (!cursor_.enter(false)) return false;
    const std::uint32_t number = ++out_.arrays;
    if (cursor_.peek() == ']') return cursor_.leave(), true;
    for (std::uint32_t index = 0;; ++index) {
      std::uint32_t inner = element;
      if (cursor_.peek() == '{' || cursor_.peek() == '[') {
        inner = static_cast<std::uint32_t>(out_.elements.size());
        out_.elements.push_back({number, index, element});
      }
      if (!value(inner) || cursor_.at_end()) return false;
      if (cursor_.peek() == ']') return cursor_.leave(), true;
      if (cursor_.peek() != ',') return false;
      cursor_.step();
    }
  }

  bool value(std::uint32_t element) {
    std::string_view raw;
    switch (cursor_.peek()) {
      case '{': return object(element, false);
      case '[': return array(element);
      case 't': return cursor_.literal("true") && add(leaf_type::true_value, "true", "true", element);
      case 'f': return cursor_.literal("false") && add(leaf_type::false_value, "false", "false", element);
      case 'n': return cursor_.literal("null") && add(leaf_type::null_value, "null", "null", element);
      case '"': {
        std::string text;
        if (!cursor_.raw_string(raw) || !decoded(raw, text)) return false;
        return add(leaf_type::string, std::move(text), '"' + std::string(raw) + '"', element);
      }
      default: return cursor_.number(raw) && add(leaf_type::number, std::string(raw), std::string(raw), element);
    }
  }

  bool add(leaf_type type, std::string text, std::string json, std::uint32_t element) {
    if (paths_.count(path_) != 0) out_.leaves.push_back({path_, type, std::move(text), std::move(json), element});
    return true;
  }

  static bool decoded(std::string_view raw, std::string& out) {
    out.resize(raw.size());
    const char* const end = decode_string(raw, out.data());
    if (end == nullptr) return false;
    out.resize(static_cast<std::size_t>(end - out.data()));
    return true;
  }

  /// Whether the current path is one of those wanted, or the beginning of one.
  bool leads_somewhere() const {
    const auto at = paths_.lower_bound(path_);
    if (at != paths_.end() && *at == path_) return true;
    const std::string prefix = path_ + '.';
    const auto below = paths_.lower_bound(prefix);
    return below != paths_.end() && below->compare(0, prefix.size(), prefix) == 0;
  }

  json_cursor cursor_;
  const std::set<std::string>& paths_;
  event_leaves& out_;
  bool sees_empty_keys_;
  std::string path_;
};

}  // namespace leaves

result<event_leaves> find_leaves(std::string_view event_json, const std::set<std::string>& paths, const event_options& options) {
  json_index index;
  json_structure structure;
  if (!index.build(event_json, options, structure)) return what_is_wrong(event_json, options);
  container_stack open(options.max_depth);
  event_leaves found;
  leaves::finder finder(structure, open, paths, found);
  if (!finder.run()) return what_is_wrong(event_json, options);
  return found;
}

}  // namespace rulebus::inline v1::detail
