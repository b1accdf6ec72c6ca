#include "rulebus/detail/service_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_write.hpp"

namespace rulebus::inline v1::detail {

namespace service_policy_source {

constexpr std::size_t max_depth = 100;

error not_a_policy(std::string_view why) {
  return {errc::invalid_argument, fmt::format("Parameter Policy is not valid. Reason: {}", why)};
}

/// Reads to the end of the value whose first token was just read; its text, or nothing when that is not JSON.
std::string compact_value(json_reader& reader, token first, std::string_view text) {
  const std::size_t start = reader.offset();
  if (first == token::object_begin || first == token::array_begin) {
    for (const std::size_t outside = reader.depth() - 1; reader.depth() > outside;) {
      if (reader.next() == token::error) return {};
    }
  }
  std::string out;
  append_minified(out, text.substr(start, reader.end_offset() - start));
  return out;
}

/// The "Sid" of a statement that was read as valid JSON; empty when there is none.
std::string statement_id(std::string_view json) {
  json_reader reader(json, max_depth);
  for (token t = reader.next(); t != token::end && t != token::error; t = reader.next()) {
    if (t == token::key && reader.depth() == 1 && reader.text() == "Sid" && reader.next() == token::string)
      return std::string(reader.text());
  }
  return {};
}

}  // namespace service_policy_source

std::string service_policy::text() const {
  if (empty()) return {};
  std::string out = "{" + others_ + (others_.empty() ? "" : ",") + "\"Statement\":[";
  for (const statement& s : statements_) {
    if (&s != statements_.data()) out += ',';
    out += s.json;
  }
  return out + "]}";
}

result<service_policy> service_policy::parse(std::string_view json) {
  using namespace service_policy_source;
  service_policy read;
  read.others_.clear();
  json_reader reader(json, max_depth);
  if (reader.next() != token::object_begin) return not_a_policy("it must be a JSON object.");
  bool found = false;
  for (token t = reader.next(); t == token::key; t = reader.next()) {
    const std::string key(reader.text());
    token value = reader.next();
    if (key != "Statement") {
      if (!read.others_.empty()) read.others_ += ',';
      append_json_string(read.others_, key);
      read.others_ += ':' + compact_value(reader, value, json);
      continue;
    }
    if (std::exchange(found, true)) return not_a_policy("Statement occurs twice.");
    const bool several = value == token::array_begin;
    if (several) value = reader.next();
    for (; value == token::object_begin; value = several ? reader.next() : token::end) {
      std::string one = compact_value(reader, value, json);
      std::string id = statement_id(one);
      read.statements_.push_back({std::move(id), std::move(one)});
    }
    if (value != (several ? token::array_end : token::end) && value != token::error)
      return not_a_policy("Statement must be an object or an array of objects.");
  }
  while (reader.next() != token::end) {
    if (reader.failure().message.empty()) continue;
    error told = reader.failure();
    told.message = "Parameter Policy is not valid. Reason: " + told.message;
    return told;
  }
  if (!found) return not_a_policy("Statement is missing.");
  return read;
}

result<void> service_policy::replace(std::string_view json) {
  if (json.size() > max_bytes)
    return error{errc::limit_exceeded, fmt::format("The policy is longer than {} characters.", max_bytes)};
  result<service_policy> read = parse(json);
  if (!read) return std::move(read).error();
  *this = *std::move(read);
  return {};
}

result<void> service_policy::put(std::string_view id, std::string json) {
  service_policy next = *this;
  const auto there =
      std::find_if(next.statements_.begin(), next.statements_.end(), [&](const statement& s) { return s.id == id; });
  if (there != next.statements_.end()) {
    there->json = std::move(json);
  } else {
    next.statements_.push_back({std::string(id), std::move(json)});
  }
  if (next.text().size() > max_bytes)
    return error{errc::limit_exceeded, fmt::format("The policy would be longer than {} characters.", max_bytes)};
  *this = std::move(next);
  return {};
}

bool service_policy::remove(std::string_view id) {
  return std::erase_if(statements_, [&](const statement& s) { return s.id == id && !id.empty(); }) != 0;
}

}  // namespace rulebus::inline v1::detail
