#include "rulebus/event.hpp"

#include <utility>

#include "rulebus/detail/json_cursor.hpp"
#include "rulebus/detail/json_index.hpp"

namespace rulebus::inline v1 {

namespace detail::envelope {

struct member {
  std::string_view key;    // decoded
  std::string_view value;  // as written, without white space around it
};

/// Replaces escapes; `storage` keeps the result alive. False when one is invalid.
bool decode_into(std::string_view& text, std::string& storage) {
  if (text.find('\\') == std::string_view::npos) return true;
  storage.resize(text.size());
  const char* const end = decode_string(text, storage.data());
  if (end == nullptr) return false;
  storage.resize(static_cast<std::size_t>(end - storage.data()));
  text = storage;
  return true;
}

/// Calls visit(member) for each member of the object, checking all of it. False: not valid.
template <class Visit>
bool for_each_member(const json_structure& s, std::size_t max_depth, Visit visit) {
  container_stack open(max_depth);
  json_cursor cursor(s, open);
  if (!cursor.enter(true)) return false;
  for (bool first = true;; first = false) {
    if (first && cursor.peek() == '}') break;
    member m;
    std::string storage;
    if (cursor.peek() != '"' || !cursor.raw_string(m.key) || cursor.peek() != ':') return false;
    if (!decode_into(m.key, storage)) return false;
    cursor.step();
    const char* const begin = cursor.where();
    if (!cursor.skip_value() || cursor.at_end()) return false;
    const char* end = cursor.where();
    while (is_json_space(end[-1])) --end;
    m.value = {begin, static_cast<std::size_t>(end - begin)};
    visit(m);
    if (cursor.peek() == '}') break;
    if (cursor.peek() != ',') return false;
    cursor.step();
  }
  cursor.leave();
  return cursor.at_end();
}

std::string string_value(std::string_view value) {
  if (value.empty() || value.front() != '"') return {};
  std::string_view text = value.substr(1, value.size() - 2);
  std::string storage;
  decode_into(text, storage);
  return std::string(text);
}

}  // namespace detail::envelope

result<event> event::parse(std::string json, const event_options& options) {
  auto body = std::make_shared<event::body>();
  body->json = std::move(json);
  detail::json_index index;
  detail::json_structure structure;
  const auto take = [&body](const detail::envelope::member& m) {
    using detail::envelope::string_value;
    if (m.key == "id") body->id = string_value(m.value);
    if (m.key == "source") body->source = string_value(m.value);
    if (m.key == "detail-type") body->detail_type = string_value(m.value);
    if (m.key == "account") body->account = string_value(m.value);
    if (m.key == "region") body->region = string_value(m.value);
    if (m.key == "time") body->time = string_value(m.value);
    if (m.key == "resources") body->resources = m.value;
    if (m.key == "detail") body->detail = m.value;
  };
  if (!index.build(body->json, options, structure) || !detail::envelope::for_each_member(structure, options.max_depth, take)) {
    return detail::what_is_wrong(body->json, options);
  }
  return event(std::shared_ptr<const event::body>(std::move(body)));
}

}  // namespace rulebus::inline v1
