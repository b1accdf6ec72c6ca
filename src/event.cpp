#include "rulebus/event.hpp"

#include <cstdint>
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

/// Reads the members of the envelope, checking all of the text.
std::unique_ptr<const event::members> event::read(std::string_view json, const event_options& options) {
  detail::json_index index;
  detail::json_structure structure;
  auto to = std::make_unique<members>();
  const auto take = [&to](const detail::envelope::member& m) {
    using detail::envelope::string_value;
    if (m.key == "id") to->id = string_value(m.value);
    if (m.key == "source") to->source = string_value(m.value);
    if (m.key == "detail-type") to->detail_type = string_value(m.value);
    if (m.key == "account") to->account = string_value(m.value);
    if (m.key == "region") to->region = string_value(m.value);
    if (m.key == "time") to->time = string_value(m.value);
    if (m.key == "resources") to->resources = m.value;
    if (m.key == "detail") to->detail = m.value;
  };
  const bool valid =
      index.build(json, options, structure) && detail::envelope::for_each_member(structure, options.max_depth, take);
  if (!valid) to.reset();
  return to;
}

result<event> event::parse(std::string json, const event_options& options) {
  event made = checked(std::move(json));
  const body& b = *made.body_;
  std::call_once(b.read, [&] { b.envelope = read(b.json, options); });
  if (!b.envelope) return detail::what_is_wrong(b.json, options);
  return made;
}

event event::checked(std::string json) { return event(std::make_shared<const body>(std::move(json))); }

const event::members& event::envelope() const {
  std::call_once(body_->read, [this] {
    event_options any;  // whoever checked the text knew his limits
    any.max_bytes = any.max_depth = body_->json.size();
    body_->envelope = read(body_->json, any);
    if (!body_->envelope) body_->envelope = std::make_unique<const members>();  // nobody did
  });
  return *body_->envelope;
}

}  // namespace rulebus::inline v1
